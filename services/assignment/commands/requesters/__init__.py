"""Changes of requesters and their organisations."""
