"""A back-up that was restored here and not reconciled since."""

from deploy.cli.backup.restored import is_unreconciled
from deploy.cli.doctor.findings import Finding, bad
from deploy.cli.doctor.process_environments import ProcessEnvironments
from deploy.cli.environment import home

MEND = "everdesk backup reconcile, then everdesk sla verify"


async def check_restores(_around: ProcessEnvironments) -> list[Finding]:
    """Nothing to say where nothing was restored."""
    if not is_unreconciled(home()):
        return []
    return [bad("restore", "reconciled", "a back-up was restored here, and its parts were not brought together", MEND)]
