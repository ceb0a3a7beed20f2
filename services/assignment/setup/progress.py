"""Progress of the set-up, stored so that it can be resumed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select

from services.assignment.models import Installation
from shared.kit.clock import utc_now
from shared.kit.db import Session

ADMINISTRATOR: Final = "administrator"
HOURS, MAIL, TICKET = "hours", "mail", "ticket"
STEPS: Final = (ADMINISTRATOR, HOURS, MAIL, TICKET)


@dataclass(frozen=True, slots=True)
class SetupProgress:
    """What is done, and what comes next."""

    organisation: str
    done: frozenset[str]
    finished_at: datetime | None

    @property
    def following(self) -> str | None:
        """The next step; None once all are done or skipped."""
        return next((step for step in STEPS if step not in self.done), None)

    @property
    def is_under_way(self) -> bool:
        """Whether the administrator should be led on."""
        return self.finished_at is None


async def get_progress(session: Session) -> SetupProgress | None:
    """None where nothing was ever to be set up, as in the demonstration."""
    found = await session.get(Installation, 1)
    if found is None:
        return None
    return SetupProgress(found.organisation, frozenset(found.done), found.finished_at)


async def mark_done(session: Session, step: str) -> None:
    """Writes down that a step was done or skipped."""
    found = await _locked(session)
    if found is not None:
        found.done = {**found.done, step: utc_now().isoformat()}


async def finish(session: Session) -> None:
    """Ends setting up: pages do not speak of it any more."""
    found = await _locked(session)
    if found is not None and found.finished_at is None:
        found.finished_at = utc_now()


async def _locked(session: Session) -> Installation | None:
    return await session.scalar(select(Installation).where(Installation.id == 1).with_for_update())
