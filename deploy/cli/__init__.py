"""`everdesk`, the operator's command."""
