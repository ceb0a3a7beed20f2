"""Projections of tickets: applied, rebuilt, erased."""
