"""The alternative rules of a what-if: which snapshot replaces each one that a ticket carried."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.assignment.calendar_resolution import UnknownHolidayCountry, resolve
from services.assignment.models import Calendar, Policy, table_of
from services.assignment.schemas.what_if import WhatIfInput
from services.assignment.sla_analysis.policy_history import NamedPolicy, PolicyGone, PolicyHistory
from shared.contracts.base import PolicyId
from shared.contracts.calendars import BusinessCalendar
from shared.contracts.policies import LifecycleTimes, PolicySnapshot, SlaPolicy, Targets
from shared.contracts.vocabulary import Priority
from shared.domain.business_time import NoOpenTime, is_open
from shared.kit.clock import utc_now
from shared.kit.http.problems import Problem, not_found

NOBODYS = UUID(int=0)


@dataclass(slots=True)
class CandidateRules:
    """A policy with a calendar, and the policy it replaces.

    A snapshot that is equal to the candidate is kept, with its own holidays and offset changes, so that unchanged
    rules change no verdict.
    """

    policy: SlaPolicy
    calendar: BusinessCalendar
    version: int
    replaces: UUID | None
    book: PolicyHistory
    _answers: dict[tuple[str, int], tuple[str, PolicySnapshot]] = field(default_factory=dict)

    @classmethod
    async def of(cls, connection: AsyncConnection, question: WhatIfInput, book: PolicyHistory) -> "CandidateRules":
        """Raises Problem 404 for a policy to replace that is unknown, 422 for a calendar of no use."""
        stored = await _current_calendar(connection, question.policy.calendar)
        if question.calendar is None:
            if stored is None:
                raise Problem(422, "invalid_input", f"there is no calendar {question.policy.calendar}")
            calendar, version = BusinessCalendar.model_validate(stored.body), int(stored.version)
        else:
            calendar, version = question.calendar, 1  # as if it were the next of that name
            if stored is not None:
                is_same = BusinessCalendar.model_validate(stored.body) == calendar
                version = int(stored.version) + (0 if is_same else 1)
        candidate = cls(question.policy, calendar, version, await _replaced(connection, question), book)
        candidate.check()
        return candidate

    def check(self) -> None:
        """Raises Problem 422 for a calendar that never opens, or whose country is unknown."""
        now = utc_now()
        try:
            is_open(self._resolved(now.year)[1].calendar, now)
        except (NoOpenTime, UnknownHolidayCountry) as problem:
            raise Problem(422, "invalid_input", str(problem)) from problem

    async def answer(
        self, connection: AsyncConnection, named: NamedPolicy, calendar_version: int | None
    ) -> tuple[str, PolicySnapshot]:
        """Returns key and snapshot of the replacement. Raises PolicyGone if the snapshot is kept but not stored."""
        key = (named.key, named.at.year)
        if named.digest and key in self._answers:
            return self._answers[key]
        answer = await self._find_answer(connection, named, calendar_version)
        self._answers[key] = answer
        return answer

    async def _find_answer(
        self, connection: AsyncConnection, named: NamedPolicy, calendar_version: int | None
    ) -> tuple[str, PolicySnapshot]:
        is_replaced = self.replaces in (None, named.policy_id)
        try:
            original = (await self.book.policies_of(connection, [named], calendar_version))[named.key]
        except PolicyGone:
            if not is_replaced:
                raise
        else:
            if not is_replaced or self.says_the_same(original):
                return f"{named.key}:{original.calendar.version}", original
        return self._resolved(named.at.year)

    def says_the_same(self, snapshot: PolicySnapshot) -> bool:
        """Whether a snapshot is equivalent to the candidate."""
        calendar = snapshot.calendar
        return _judging(snapshot.targets, snapshot.times, is_pausing=snapshot.pause_on_hold) == _judging(
            self.policy.targets, self.policy, is_pausing=self.policy.pause_on_hold
        ) and (calendar.slug, calendar.version) == (self.policy.calendar, self.version)

    def _resolved(self, year: int) -> tuple[str, PolicySnapshot]:
        """Returns the candidate resolved for a year, as a ticket of that year would have carried it."""
        key = (f"candidate:{year}", year)
        if key not in self._answers:
            policy, now = self.policy, datetime(year, 7, 1, tzinfo=UTC)
            times = LifecycleTimes.model_validate(policy.model_dump(include=set(LifecycleTimes.model_fields)))
            snapshot = PolicySnapshot(
                policy_id=PolicyId(self.replaces or NOBODYS),
                version=0,
                name=policy.name,
                targets=policy.targets,
                pause_on_hold=policy.pause_on_hold,
                times=times,
                calendar=resolve(self.calendar, policy.calendar, self.version, now),
                digest=key[0],
            )
            self._answers[key] = (key[0], self.book.judging(snapshot))
        return self._answers[key]


def _judging(targets: Mapping[Priority, Targets], times: LifecycleTimes, *, is_pausing: bool) -> tuple[object, ...]:
    """Returns the fields of a policy that can change a verdict."""
    grace = times.reopen_grace_seconds
    return dict(targets), is_pausing, grace, bool(grace) and "reopen_grace" in times.in_business_time


async def _current_calendar(connection: AsyncConnection, slug: str) -> Row[tuple[object, ...]] | None:
    calendars = table_of(Calendar)
    return (await connection.execute(select(calendars).where(calendars.c.slug == slug, calendars.c.is_current))).first()


async def _replaced(connection: AsyncConnection, question: WhatIfInput) -> UUID | None:
    """Returns the policy to replace; None for all."""
    if question.replaces == "all":
        return None
    policies = table_of(Policy)
    known = select(policies.c.id).where(policies.c.is_current)
    if question.replaces is None:
        same_name = known.where(policies.c.body["name"].astext == question.policy.name)
        found = (await connection.execute(same_name)).scalars().all()
        return found[0] if len(found) == 1 else None
    if await connection.scalar(known.where(policies.c.id == question.replaces)) is None:
        raise not_found("SLA policy")
    return question.replaces
