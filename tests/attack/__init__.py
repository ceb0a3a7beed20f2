"""Attacks through the public doors, one module per kind; SECURITY.md lists them."""
