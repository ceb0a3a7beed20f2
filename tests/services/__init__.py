"""Tests of the services through their HTTP routes, on real engines."""
