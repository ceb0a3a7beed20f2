"""Tests of pure rules: milliseconds each, no engines."""
