"""The one-command stack: real engines, mail sink and services under one supervisor, nothing to install."""
