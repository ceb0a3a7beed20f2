"""Custom fields of topics."""
