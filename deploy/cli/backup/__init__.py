"""`everdesk backup`: everything an installation holds, as it was at one instant; verified, restored, reconciled."""

from deploy.cli.backup.commands import app

__all__ = ["app"]
