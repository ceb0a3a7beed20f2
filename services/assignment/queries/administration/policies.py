"""SLA policies as a ticket carries them: resolved with their calendar and ladder, stored, and kept for the day."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, event, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute

from services.assignment.calendar_resolution import resolve
from services.assignment.models import Calendar, Policy, StoredSnapshot, Team, table_of
from shared.contracts.base import AgentId, PolicyId, TeamId
from shared.contracts.calendars import BusinessCalendar
from shared.contracts.policies import Escalation, EscalationStep, LifecycleTimes, PolicySnapshot, SlaPolicy
from shared.kit.db import Database, Session


class TeamLead(NamedTuple):
    """What a ladder needs to know of a team."""

    id: UUID
    slug: str
    lead_id: UUID | None


Teams = tuple[TeamLead, ...]
Key = tuple[UUID, int, str, int, date, Teams]
KEPT = 256


class PolicyCache:
    """Resolved policies by what they are made of: resolving costs milliseconds, looking up none.

    Each is written down in the transaction that first asks for it, which commits before any ticket gets it.
    """

    def __init__(self) -> None:
        self._snapshots: dict[Key, PolicySnapshot] = {}
        self._by_digest: dict[str, PolicySnapshot] = {}
        self._stored: set[str] = set()

    async def find_default(self, session: Session, now: datetime, hours: str | None = None) -> PolicySnapshot | None:
        """The policy of tickets for which nobody names another; `hours` is a calendar instead of the policy's own."""
        return await self._find(session, now, Policy.is_default, Policy.is_current, hours=hours)

    async def find_current(
        self, session: Session, policy_id: UUID, now: datetime, hours: str | None = None
    ) -> PolicySnapshot | None:
        """The newest version of a policy that tickets may be given; `hours` as above."""
        return await self._find(session, now, Policy.id == policy_id, Policy.is_current, Policy.is_active, hours=hours)

    async def find_newest(self, session: Session, policy_id: UUID, now: datetime) -> PolicySnapshot | None:
        """The newest version of a policy, active or not, for tickets that have an older one."""
        return await self._find(session, now, Policy.id == policy_id, Policy.is_current)

    async def find_version(
        self, session: Session, policy_id: UUID, version: int, now: datetime
    ) -> PolicySnapshot | None:
        """One version of a policy, for a decision made with it."""
        return await self._find(session, now, Policy.id == policy_id, Policy.version == version)

    async def find_stored(self, database: Database, digest: str) -> PolicySnapshot | None:
        """The snapshot that was written down under a digest, which says all that is in it."""
        if (known := self._by_digest.get(digest)) is not None:
            return known
        async with database.single() as connection:
            body = await connection.scalar(select(StoredSnapshot.body).where(StoredSnapshot.digest == digest))
        return self._remember(PolicySnapshot.model_validate(body)) if body is not None else None

    def _remember(self, snapshot: PolicySnapshot) -> PolicySnapshot:
        if len(self._by_digest) >= KEPT:
            self._by_digest.clear()
        return self._by_digest.setdefault(snapshot.digest, snapshot)

    async def _find(
        self,
        session: Session,
        now: datetime,
        *which: ColumnElement[bool] | InstrumentedAttribute[bool],
        hours: str | None = None,
    ) -> PolicySnapshot | None:
        query = (
            select(Policy, Calendar)
            .join(Calendar, Calendar.slug == func.coalesce(hours, Policy.body["calendar"].astext))
            .where(Calendar.is_current, *which)
        )
        row = (await session.execute(query)).one_or_none()
        if row is None:
            return None
        policy, calendar = row.tuple()
        teams = await _get_teams(session) if policy.body.get("escalations") else ()
        key = (policy.id, policy.version, calendar.slug, calendar.version, now.date(), teams)
        if key not in self._snapshots:
            if len(self._snapshots) >= KEPT:
                self._snapshots.clear()
            self._snapshots[key] = self._remember(snapshot_of(policy, calendar, now, teams))
        await self.keep(session, self._snapshots[key], now)
        return self._snapshots[key]

    async def keep(self, session: Session, snapshot: PolicySnapshot, now: datetime) -> None:
        """Writes a policy down. Until a transaction with it has committed, every one does."""
        if snapshot.digest in self._stored:
            return
        row = {
            "digest": snapshot.digest,
            "policy_id": snapshot.policy_id,
            "version": snapshot.version,
            "calendar_slug": snapshot.calendar.slug,
            "calendar_version": snapshot.calendar.version,
            "body": snapshot.model_dump(mode="json"),
            "created_at": now,
        }
        await session.execute(insert(table_of(StoredSnapshot)).values(row).on_conflict_do_nothing())
        event.listen(session.sync_session, "after_commit", lambda _: self._stored.add(snapshot.digest), once=True)


def snapshot_of(policy: Policy, calendar: Calendar, now: datetime, teams: Teams = ()) -> PolicySnapshot:
    """A policy with its calendar and ladder resolved, from the year before `now` to ten years after."""
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
        escalations=_steps(body.escalations, teams),
        leads={TeamId(team.id): AgentId(team.lead_id) for team in teams if team.lead_id is not None},
    ).sealed()


def _steps(escalations: Sequence[Escalation], teams: Teams) -> tuple[EscalationStep, ...]:
    """The ladder with the teams and agents that its steps name."""
    ids = {team.slug: team.id for team in teams}
    steps = []
    for escalation in escalations:
        kind, _, name = (escalation.to or "").partition(":")
        targets = {"team_id": ids.get(name) if kind == "team" else None, "agent_id": name if kind == "agent" else None}
        steps.append(EscalationStep.model_validate({**escalation.model_dump(), **targets}))
    return tuple(steps)


async def _get_teams(session: Session) -> Teams:
    rows = await session.execute(select(Team.id, Team.slug, Team.lead_id).order_by(Team.id))
    return tuple(TeamLead(*row) for row in rows.tuples())
