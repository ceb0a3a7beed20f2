"""Routing of new tickets: decide under a lock and commit, then open and triage in one request, as often as it takes."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from services.assignment.app_state import AppState
from services.assignment.commands.execution.projection import settle_decisions
from services.assignment.commands.execution.record_answers import record_answers
from services.assignment.models import RoutingDecision
from services.assignment.queries.administration.routing_stamp import RoutingStamp, read_stamp
from services.assignment.routing.decisions import Question
from services.assignment.routing.decisions import decide as choose
from services.assignment.routing.first_decisions import DecidedMeanwhile, store_first
from services.assignment.routing.rosters import SentBy, SentTooSoon, lock_rosters
from services.assignment.routing_rules.routes import Route, route_tickets
from services.assignment.routing_rules.table import RoutingTable
from services.assignment.routing_rules.tags import add_tags, tag_applied
from shared.contracts.answers import CommandAnswer
from shared.contracts.base import AgentId, TeamId, TicketId
from shared.contracts.commands import OpenTicket, TriageTicket
from shared.contracts.events import AssignmentDecided, TicketSubmitted
from shared.contracts.policies import PolicySnapshot
from shared.contracts.tickets import SYSTEM
from shared.contracts.vocabulary import Priority
from shared.domain.errors import IllegalTransition, PolicyMissing, TicketArchivedError
from shared.domain.routing_rules import TicketFacts
from shared.kit.bus import NotYet, Unavailable
from shared.kit.clock import utc_now
from shared.kit.db import Session
from shared.kit.ticket_errors import TicketStuck, TicketsUnavailable


async def decide(context: AppState, submitted: Sequence[TicketSubmitted]) -> list[RoutingDecision]:
    """The decision of each ticket: the stored one, or a new one committed with its evidence and announcement.

    Locks the teams, then their members, always in the order of their ids: nobody else decides on the same loads.
    """
    newest = context.routing_tables.newest
    while True:
        with suppress(DecidedMeanwhile, SentTooSoon):
            return await _decide(context, {event.ticket_id: event for event in submitted}, newest)
        newest = None


async def _decide(
    context: AppState,
    asked: Mapping[TicketId, TicketSubmitted],
    newest: tuple[RoutingStamp, RoutingTable] | None,
) -> list[RoutingDecision]:
    """By the `newest` rules known to this process, which are checked as the teams are locked; without any, reads them.

    Raises DecidedMeanwhile if another process was faster with one of the tickets, and SentTooSoon.
    """
    now = utc_now()
    stored: dict[UUID, RoutingDecision] = {}
    async with context.database.begin() as session:
        if newest is None:
            stamp, is_known = await read_stamp(session, now, list(asked))
            stored = await _get_stored(session, list(asked)) if is_known else {}
            table, sent_by = await context.routing_tables.at(session, stamp, now), None
        else:
            stamp, table = newest
            sent_by = SentBy(stamp, asked)
        left = [event for ticket_id, event in asked.items() if ticket_id not in stored]
        if not left:
            return list(stored.values())
        facts: dict[UUID, TicketFacts] = {event.ticket_id: table.facts_of(event) for event in left}
        try:
            routes = await route_tickets(session, context.policies, table, facts, now)
        except (LookupError, PolicyMissing) as error:
            if sent_by is not None:
                raise SentTooSoon from error
            raise
        teams = {one.demand.team_id for one in routes.values()}
        rosters = await lock_rosters(session, context.place, teams, now, sent_by=sent_by)
        new: list[AssignmentDecided] = []
        for event in left:
            route = routes[event.ticket_id]
            at = now + timedelta(microseconds=len(new))
            decided = choose(rosters[route.demand.team_id], _question(event, route), at)
            new.append(decided.model_copy(update=route.evidence))
        policies = {ticket_id: route.policy.policy for ticket_id, route in routes.items()}
        made = await store_first(session, new, policies, rosters.values())
    context.match_counts.add(new)
    return [*stored.values(), *made]


async def deliver(
    context: AppState, submitted: Sequence[TicketSubmitted], decisions: Sequence[RoutingDecision]
) -> dict[UUID, Exception]:
    """Sends every decision that the workflow has not answered; returns what went wrong, by ticket.

    Raises Unavailable while Temporal or all of its workers are away.
    """
    openings = {event.ticket_id: opening_of(context, event) for event in submitted}
    unanswered = [decision for decision in decisions if decision.state == "sent"]
    await tag_applied(context.database, decisions)
    if not unanswered:
        return {}
    commands = [await _command(context, decision) for decision in unanswered]
    results = await asyncio.gather(
        *(
            _send(context, openings[TicketId(one.ticket_id)], command)
            for one, command in zip(unanswered, commands, strict=True)
        ),
        return_exceptions=True,
    )
    answered = {one.ticket_id: result for one, result in zip(unanswered, results, strict=True)}
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, Exception):
            raise result
    superseded = [ticket_id for ticket_id, result in answered.items() if result is None]
    arrived = [one for one in unanswered if isinstance(answered[one.ticket_id], CommandAnswer)]
    async with context.database.begin() as session:
        await record_answers(session, [result for result in results if isinstance(result, CommandAnswer)])
        await add_tags(session, arrived)
        if superseded:
            await settle_decisions(session, superseded, "superseded")
    return await _failed(context, answered)


async def open_undecided(context: AppState, submitted: TicketSubmitted) -> None:
    """Starts a ticket for which nothing can be decided: it waits where people look. Raises Unavailable."""
    try:
        await context.tickets.start(opening_of(context, submitted))
    except TicketsUnavailable as error:
        raise Unavailable(str(error)) from error


def opening_of(context: AppState, submitted: TicketSubmitted) -> OpenTicket:
    """What the ticket's workflow starts from."""
    return OpenTicket(
        ticket_id=submitted.ticket_id,
        number=submitted.number,
        topic_id=submitted.topic_id,
        priority=priority_of(submitted),
        opened_at=submitted.received_at,
        has_exact_timer=True,
        has_search_attributes=context.settings.search_attributes,
    )


def priority_of(submitted: TicketSubmitted) -> Priority:
    """The priority asked for, or the usual one; what nobody asked for is a rule's to set."""
    return submitted.priority or Priority.NORMAL


async def _failed(
    context: AppState, answered: Mapping[UUID, CommandAnswer | BaseException | None]
) -> dict[UUID, Exception]:
    """A ticket that alone does not answer waits by itself, and holds up no other."""
    failed = {ticket_id: result for ticket_id, result in answered.items() if isinstance(result, Exception)}
    for failure in failed.values():
        if isinstance(failure, Unavailable):
            raise failure
    stuck = {ticket_id for ticket_id, failure in failed.items() if isinstance(failure, TicketStuck)}
    if stuck and not await context.tickets.has_worker():
        raise Unavailable("no worker answers")
    return {ticket_id: NotYet(str(failure)) if ticket_id in stuck else failure for ticket_id, failure in failed.items()}


def _question(event: TicketSubmitted, route: Route) -> Question:
    return Question(event.ticket_id, route.demand, route.policy.policy.policy_id, route.words)


async def _get_stored(session: Session, ticket_ids: Sequence[UUID]) -> dict[UUID, RoutingDecision]:
    rows = await session.scalars(select(RoutingDecision).where(RoutingDecision.ticket_id.in_(ticket_ids)))
    return {decision.ticket_id: decision for decision in rows}


async def _command(context: AppState, decision: RoutingDecision) -> TriageTicket:
    """The same command each time, for it is made of the stored decision and the policy stored with it."""
    policy = await _policy_of(context, decision)
    return TriageTicket(
        command_id=f"triage:{decision.ticket_id}",
        actor=SYSTEM,
        team_id=TeamId(decision.team_id),
        policy=policy,
        agent_id=AgentId(decision.agent_id) if decision.agent_id else None,
        priority=Priority(decision.priority),
    )


async def _policy_of(context: AppState, decision: RoutingDecision) -> PolicySnapshot:
    """The policy as it was when the decision was made; decisions of older code name no snapshot."""
    if decision.policy_digest is not None:
        stored = await context.policies.find_stored(context.database, decision.policy_digest)
        if stored is not None:
            return stored
    async with context.database.begin() as session:
        policy = await context.policies.find_version(session, decision.policy_id, decision.policy_version, utc_now())
    if policy is None:
        raise LookupError(f"policy {decision.policy_id} version {decision.policy_version} is gone")
    return policy


async def _send(context: AppState, opening: OpenTicket, command: TriageTicket) -> CommandAnswer | None:
    """The ticket after triage; None if somebody was faster. Raises Unavailable, TicketStuck."""
    try:
        return await context.tickets.open_and_execute(opening, command)
    except (IllegalTransition, TicketArchivedError):
        return None
    except TicketStuck:
        raise
    except TicketsUnavailable as error:
        raise Unavailable(str(error)) from error
