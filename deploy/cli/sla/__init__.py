"""`everdesk sla`: verdicts proved, explained, and judged again under other rules."""

from deploy.cli.sla.commands import app

__all__ = ["app"]
