"""Recomputes verdicts of the past under other rules and compares them; read-only."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, false, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.assignment.models import SettledClock, Team, Ticket, table_of
from services.assignment.schemas.what_if import WhatIfInput, WhatIfReport
from services.assignment.sla_analysis.candidate_rules import CandidateRules
from services.assignment.sla_analysis.comparison_stats import SHOWN, ComparisonStats, Figures, Where
from services.assignment.sla_analysis.fact_history import FactHistory, calendar_version_of, read_histories
from services.assignment.sla_analysis.policy_history import PolicyGone, PolicyHistory
from services.assignment.what_if_process import EVERYTHING, VisibilityScope
from shared.contracts.policies import PolicySnapshot
from shared.contracts.vocabulary import Metric, Outcome, Priority
from shared.domain.business_time import InstantOutOfRange, NoOpenTime
from shared.domain.sla.clock import SlaClock
from shared.domain.sla.fact_codec import MissingTicketOpened, history_of, own_key
from shared.kit.http.problems import Problem

METRICS = {one.value: one for one in Metric}
OUTCOMES = {one.value: one for one in Outcome}
PRIORITIES = {one.value: one for one in Priority}
Progress = Callable[[int, int], None]
"""Told how many tickets are done, and of how many."""


@dataclass(slots=True)
class WhatIf:
    """The state of one what-if."""

    question: WhatIfInput
    candidate: CandidateRules
    sight: VisibilityScope
    tickets: Mapping[UUID, Row[Any]]
    policies: dict[str, PolicySnapshot] = field(default_factory=dict)
    tallies: ComparisonStats = field(default_factory=ComparisonStats)
    judged: int = 0
    unjudged: int = 0

    async def judge(self, connection: AsyncConnection, told: FactHistory) -> None:
        """Recomputes and compares one ticket."""
        if not told.lines and not told.recorded:
            return
        try:
            names = await self._answers(connection, told)
            history = history_of(told.lines, self.policies, lambda stored: names[own_key(stored)])
            clocks = history.folded().clocks
        except (PolicyGone, MissingTicketOpened, NoOpenTime, InstantOutOfRange):
            self.unjudged += 1
            return
        self.judged += 1
        self._compare(told, clocks)

    async def _answers(self, connection: AsyncConnection, told: FactHistory) -> dict[str, str]:
        """Returns the replacement key of each policy the ticket names."""
        names: dict[str, str] = {}
        for named in told.named:
            version = None if named.digest else await calendar_version_of(connection, told.ticket_id)
            key, self.policies[key] = await self.candidate.answer(connection, named, version)
            names[named.key] = key
        return names

    def _compare(self, told: FactHistory, clocks: Sequence[SlaClock]) -> None:
        recorded = {(row.metric, row.cycle): row for row in told.recorded}
        for clock in clocks:
            row = recorded.pop((clock.metric.value, clock.cycle), None)
            if clock.settled_at is not None:
                self._one(told.ticket_id, clock.metric, clock.cycle, row, _figures_of(clock))
        for row in recorded.values():
            if row.outcome != Outcome.CANCELLED:  # of a cycle that never was, nothing else can be left
                self._one(told.ticket_id, METRICS[row.metric], row.cycle, row, None)

    def _one(self, ticket_id: UUID, metric: Metric, cycle: int, row: Any, after: Figures | None) -> None:
        before = None if row is None else _figures_in(row)
        settled = before or after
        if settled is None or not self._is_asked_for(settled.settled_at):
            return
        ticket = self.tickets[ticket_id]
        team_id, agent_id, priority = (
            (ticket.team_id, ticket.assignee_id, ticket.priority)
            if row is None
            else (row.team_id, row.agent_id, row.priority)
        )
        if self.sight.reaches(team_id, agent_id):
            where = Where(ticket_id, ticket.number, metric, cycle, team_id, PRIORITIES[priority])
            self.tallies.compare(where, before, after)

    def _is_asked_for(self, at: datetime) -> bool:
        since, until = self.question.from_, self.question.to
        return (since is None or at >= since) and (until is None or at < until)


async def what_if(
    connection: AsyncConnection,
    question: WhatIfInput,
    sight: VisibilityScope = EVERYTHING,
    most: int | None = None,
    progress: Progress = lambda _done, _of: None,
    shown: int = SHOWN,
) -> WhatIfReport:
    """The report, with `shown` examples. Raises Problem 422 for more than `most` tickets, and as CandidateRules.of."""
    candidate = await CandidateRules.of(connection, question, PolicyHistory())
    tickets = await _tickets(connection, question, sight)
    if most is not None and len(tickets) > most:
        detail = f"this asks for {len(tickets)} tickets, and {most} are judged at once: narrow from and to, or use"
        raise Problem(422, "too_many_tickets", f"{detail} `everdesk sla what-if`")
    run = WhatIf(question, candidate, sight, tickets, tallies=ComparisonStats(most_examples=shown))
    done = 0
    async for portion in read_histories(connection, list(tickets)):
        for told in portion:
            await run.judge(connection, told)
        done += len(portion)
        progress(done, len(tickets))
        await asyncio.sleep(0)
    return await _report(connection, run)


async def _tickets(connection: AsyncConnection, question: WhatIfInput, sight: VisibilityScope) -> dict[UUID, Row[Any]]:
    """Selects visible tickets that may have a verdict settled in the period."""
    tickets, verdicts = table_of(Ticket), table_of(SettledClock)
    wanted: list[ColumnElement[bool]] = []
    if question.from_ is not None:
        wanted.append(tickets.c.updated_at >= question.from_)
    if question.to is not None:
        wanted.append(tickets.c.created_at < question.to)
    if not sight.is_everything:
        seen = select(verdicts.c.ticket_id).where(_within(verdicts.c.team_id, verdicts.c.agent_id, sight))
        wanted.append(or_(tickets.c.id.in_(seen), _within(tickets.c.team_id, tickets.c.assignee_id, sight)))
    columns = (tickets.c.id, tickets.c.number, tickets.c.team_id, tickets.c.assignee_id, tickets.c.priority)
    rows: Any = await connection.execute(select(*columns).where(*wanted).order_by(tickets.c.id))
    found: dict[UUID, Row[Any]] = {row.id: row for row in rows.all()}
    return found


def _within(team: ColumnElement[Any], agent: ColumnElement[Any], sight: VisibilityScope) -> ColumnElement[bool]:
    return or_(team.in_(sight.team_ids), agent == sight.agent_id if sight.agent_id else false())


async def _report(connection: AsyncConnection, run: WhatIf) -> WhatIfReport:
    teams = {team for team, _, _ in run.tallies.cells}
    table = table_of(Team)
    rows = await connection.execute(select(table.c.id, table.c.name).where(table.c.id.in_(teams - {None})))
    names = dict.fromkeys(teams, "(removed)") | {None: "No team"} | dict(rows.tuples().all())
    return WhatIfReport(
        policy=run.question.policy.name,
        replaces=run.candidate.replaces,
        from_=run.question.from_,
        to=run.question.to,
        tickets=run.judged,
        verdicts=run.tallies.verdicts,
        differences=run.tallies.differences,
        moved=run.tallies.moved,
        unjudged=run.unjudged,
        total=run.tallies.total(),
        by_team=run.tallies.by_team(names),
        by_priority=run.tallies.by_priority(),
        examples=run.tallies.examples,
    )


def _figures_in(row: Any) -> Figures:
    return Figures(OUTCOMES[row.outcome], row.elapsed_seconds, row.target_seconds, row.due_at, row.settled_at)


def _figures_of(clock: SlaClock) -> Figures | None:
    if clock.settled_at is None or clock.outcome is None or clock.target is None:
        return None
    elapsed, target = clock.elapsed.total_seconds(), clock.target.total_seconds()
    return Figures(clock.outcome, elapsed, target, clock.breached_at or clock.due_at, clock.settled_at)
