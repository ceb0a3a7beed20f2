"""Loads policy snapshots by digest, exactly as tickets carried them; older events by version."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.assignment.models import Calendar, Policy, StoredSnapshot, table_of
from services.assignment.queries.administration.policies import snapshot_of
from shared.contracts.calendars import ResolvedCalendar
from shared.contracts.events import Envelope, SlaSettled, TicketPolicyChanged, TicketTriaged
from shared.contracts.policies import PolicySnapshot

NAMES_POLICY = (TicketTriaged.type(), TicketPolicyChanged.type())


class PolicyGone(Exception):
    """A policy version that a history names is no longer stored."""


@dataclass(frozen=True, slots=True)
class NamedPolicy:
    """Reference of an event to the policy that applies from then on."""

    policy_id: UUID
    version: int
    digest: str
    at: datetime

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """Returns the reference in an event's data or facts."""
        return cls(
            UUID(str(data["policy_id"])),
            int(data["policy_version"]),
            str(data.get("policy_digest") or ""),
            datetime.fromisoformat(str(data["at"])),
        )

    @property
    def key(self) -> str:
        """Returns the key used in facts."""
        return self.digest or f"{self.policy_id}:{self.version}"


class PolicyHistory:
    """Caches policies; equal calendars share one object, so that their open time is computed once."""

    def __init__(self) -> None:
        self._snapshots: dict[str, PolicySnapshot] = {}
        self._resolved: dict[tuple[UUID, int, int, int], PolicySnapshot] = {}
        self._calendars: dict[str, ResolvedCalendar] = {}
        self._versions: tuple[Mapping[tuple[UUID, int], Any], Sequence[Any]] | None = None

    async def policies_of(
        self, connection: AsyncConnection, named: Iterable[NamedPolicy], calendar_version: int | None = None
    ) -> dict[str, PolicySnapshot]:
        """Returns policies by the keys used in facts. Raises PolicyGone.

        `calendar_version` serves for what was written before digests; without it, the calendar of that day is taken.
        """
        found: dict[str, PolicySnapshot] = {}
        for one in named:
            stored = await self._stored(connection, one.digest) if one.digest else None
            found[one.key] = stored or await self._by_version(connection, one, calendar_version)
        return found

    def judging(self, snapshot: PolicySnapshot) -> PolicySnapshot:
        """Returns the policy reduced to what affects verdicts, with a shared calendar object.

        Warnings and escalations are dropped: they change no verdict.
        """
        known = self._calendars.setdefault(snapshot.calendar.model_dump_json(), snapshot.calendar)
        return snapshot.model_copy(update={"calendar": known, "warn_at": (), "escalations": ()})

    async def _stored(self, connection: AsyncConnection, digest: str) -> PolicySnapshot | None:
        if digest not in self._snapshots:
            snapshots = table_of(StoredSnapshot)
            body = await connection.scalar(select(snapshots.c.body).where(snapshots.c.digest == digest))
            if body is None:
                return None
            self._snapshots[digest] = self.judging(PolicySnapshot.model_validate_json(json.dumps(body)))
        return self._snapshots[digest]

    async def _by_version(
        self, connection: AsyncConnection, named: NamedPolicy, calendar_version: int | None
    ) -> PolicySnapshot:
        policies, calendars = await self._all_versions(connection)
        policy = policies.get((named.policy_id, named.version))
        calendar = policy and _calendar_of(calendars, policy.body["calendar"], calendar_version, named.at)
        if policy is None or calendar is None:
            raise PolicyGone(f"policy {named.policy_id} version {named.version} or its calendar is not stored any more")
        key = (policy.id, policy.version, calendar.version, named.at.year)
        if key not in self._resolved:
            self._resolved[key] = self.judging(snapshot_of(policy, calendar, named.at))
        return self._resolved[key]

    async def _all_versions(self, connection: AsyncConnection) -> tuple[Mapping[tuple[UUID, int], Any], Sequence[Any]]:
        if self._versions is None:
            policies = (await connection.execute(select(table_of(Policy)))).all()
            calendars = (await connection.execute(select(table_of(Calendar)))).all()
            self._versions = {(row.id, row.version): row for row in policies}, calendars
        return self._versions


def policies_named(events: Iterable[Envelope]) -> list[NamedPolicy]:
    """Returns the policies that a ticket's log names."""
    return [NamedPolicy.of(event.data) for event in events if event.type in NAMES_POLICY]


def calendar_version_of(events: Iterable[Envelope]) -> int | None:
    """The version of the calendar that every verdict in a log names; None if they name several, or none."""
    versions = {SlaSettled.of(one).verdict.calendar_version for one in events if one.type == SlaSettled.type()}
    return versions.pop() if len(versions) == 1 else None


def _calendar_of(calendars: Sequence[Any], slug: str, version: int | None, at: datetime) -> Any | None:
    """Returns that version, else the one current at an instant, else the first."""
    known = sorted((row for row in calendars if row.slug == slug), key=lambda row: int(row.version))
    if version is not None:
        return next((row for row in known if row.version == version), None)
    then = [row for row in known if row.created_at <= at]
    return then[-1] if then else next(iter(known), None)
