"""The organisation's name: read and changed by administrators, announced to the other services."""

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from services.assignment.app_state import AppState
from services.assignment.commands.configuration.administration import changing
from services.assignment.commands.configuration.audit import record_change
from services.assignment.commands.people.announcements import installation_changed
from services.assignment.models import Installation, table_of
from services.assignment.queries.access.callers import Caller
from services.assignment.schemas.installation import InstallationPatch, InstallationView
from services.assignment.setup.progress import STEPS
from shared.kit.clock import utc_now
from shared.kit.db import Session
from shared.kit.http.problems import Problem


async def read_name(session: Session) -> str:
    """The organisation's name; empty while there is none."""
    return await session.scalar(select(Installation.organisation)) or ""


async def get_installation(session: Session) -> InstallationView:
    """The installation as administrators see it."""
    return _view(await session.get(Installation, 1))


async def change_installation(
    context: AppState, by: Caller, body: InstallationPatch, expected: int | None = None
) -> InstallationView:
    """Names the organisation, for every page and mail from now on. Raises Problem 412 for another version."""
    async with changing(context, by) as session:
        known = {
            "id": 1,
            "finished_at": utc_now(),
            "version": 0,
            "done": {step: utc_now().isoformat() for step in STEPS},
        }
        await session.execute(insert(table_of(Installation)).values(known).on_conflict_do_nothing())
        row = await session.get_one(Installation, 1, with_for_update=True)
        before = _view(row)
        if expected not in (None, before.version):
            raise Problem(412, "version_conflict", "somebody else changed the name; look at it again")
        if body.organisation is None or body.organisation == before.organisation:
            return before
        row.organisation = body.organisation
        await installation_changed(session, row)
        after = _view(row)
        await record_change(session, before, after)
        return after


def _view(row: Installation | None) -> InstallationView:
    return InstallationView(organisation=row.organisation, version=row.version) if row else InstallationView()
