"""Attacks through the public interfaces, one module per kind; SECURITY.md lists them."""
