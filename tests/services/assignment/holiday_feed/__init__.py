"""Holidays from files, feeds and countries."""
