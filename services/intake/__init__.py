"""Intake: who asked, and what."""
