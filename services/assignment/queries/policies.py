"""SLA policies as a ticket carries them: resolved with their calendar, and kept for the day."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import InstrumentedAttribute

from services.assignment.models import Calendar, Policy
from shared.contracts.base import PolicyId
from shared.contracts.calendars import BusinessCalendar
from shared.contracts.policies import LifecycleTimes, PolicySnapshot, SlaPolicy
from shared.kit.calendars import resolve
from shared.kit.db import Session

Key = tuple[UUID, int, str, int, date]
KEPT = 256


class PolicyShelf:
    """Resolved policies by (policy, version, calendar, version, day): resolving costs milliseconds, looking up none."""

    def __init__(self) -> None:
        self._snapshots: dict[Key, PolicySnapshot] = {}

    async def find_default(self, session: Session, now: datetime) -> PolicySnapshot | None:
        """The policy of tickets for which no rule names another."""
        return await self._find(session, now, Policy.is_default, Policy.is_current)

    async def find_current(self, session: Session, policy_id: UUID, now: datetime) -> PolicySnapshot | None:
        """The newest version of a policy."""
        return await self._find(session, now, Policy.id == policy_id, Policy.is_current)

    async def find_version(
        self, session: Session, policy_id: UUID, version: int, now: datetime
    ) -> PolicySnapshot | None:
        """One version of a policy, for a decision made with it."""
        return await self._find(session, now, Policy.id == policy_id, Policy.version == version)

    async def _find(
        self, session: Session, now: datetime, *which: ColumnElement[bool] | InstrumentedAttribute[bool]
    ) -> PolicySnapshot | None:
        query = (
            select(Policy, Calendar)
            .join(Calendar, Calendar.slug == Policy.body["calendar"].astext)
            .where(Calendar.is_current, *which)
        )
        row = (await session.execute(query)).one_or_none()
        if row is None:
            return None
        policy, calendar = row.tuple()
        key = (policy.id, policy.version, calendar.slug, calendar.version, now.date())
        if key not in self._snapshots:
            if len(self._snapshots) >= KEPT:
                self._snapshots.clear()
            self._snapshots[key] = snapshot_of(policy, calendar, now)
        return self._snapshots[key]


def snapshot_of(policy: Policy, calendar: Calendar, now: datetime) -> PolicySnapshot:
    """A policy with its calendar resolved, from the year before `now` to ten years after."""
    body = SlaPolicy.model_validate(policy.body)
    hours = BusinessCalendar.model_validate(calendar.body)
    return PolicySnapshot(
        policy_id=PolicyId(policy.id),
        version=policy.version,
        name=body.name,
        targets=body.targets,
        pause_on_hold=body.pause_on_hold,
        warn_at=body.warn_at,
        times=LifecycleTimes.model_validate(body.model_dump(include=set(LifecycleTimes.model_fields))),
        calendar=resolve(hours, calendar.slug, calendar.version, now),
    )
