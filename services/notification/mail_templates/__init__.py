"""Mail templates that administrators edit: checked before they are saved, run in a sandbox, kept in versions."""
