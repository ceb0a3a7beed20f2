"""Known vulnerabilities of the locked packages. `make audit` is `python -m tests.audit`."""
