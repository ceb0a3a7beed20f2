"""Tests, one package per part of the system; see CONTRIBUTING.md."""
