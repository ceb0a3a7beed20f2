"""Agents, teams, requesters and organisations."""
