"""Whom a mail reaches: followers, people in copy, preferences, bounces."""
