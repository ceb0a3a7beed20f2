"""The configuration, its versions and its log."""
