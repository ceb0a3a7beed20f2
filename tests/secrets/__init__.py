"""Looks for credentials in the files that are committed. `python -m tests.secrets` is a part of `make check`."""
