"""Mail templates and their languages."""
