"""The commands of a ticket's life, each built from a request's body."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

from fastapi import Response
from sqlalchemy import select

from services.assignment.app_state import AppState
from services.assignment.commands.execution.command_request import Build, CommandContext, CommandRequest, act
from services.assignment.errors import already_assigned, people_only
from services.assignment.models import Agent, Team
from services.assignment.queries.people.team_members import check_assignable
from services.assignment.queries.ticket_page.tasks import check_nothing_blocks
from services.assignment.routing_rules.routes import route_tickets
from services.assignment.routing_rules.stored_facts import stored_facts
from services.assignment.schemas import actions
from shared.contracts.base import AgentId, TeamId
from shared.contracts.commands import (
    AssignTicket,
    ChangeTicketPolicy,
    CloseTicket,
    Command,
    HoldTicket,
    PrioritiseTicket,
    ResolveTicket,
    SetTicketDue,
    TransferTicket,
    TriageTicket,
)
from shared.contracts.policies import PolicySnapshot
from shared.contracts.vocabulary import CloseReason, Permission, Status
from shared.domain.errors import VersionConflict
from shared.kit.http.problems import invalid

FURTHEST_DUE = timedelta(days=1826)
CLAIM_TRIES = 4
CLAIM_PAUSE_SECONDS = 0.15


async def claim(context: AppState, call: CommandRequest, body: actions.ActionInput) -> Response:
    """Assigns the ticket to the caller if nobody has it. Of two who claim at once, one gets it.

    The command names the revision at which the ticket was seen unassigned; if that was stale, it is looked at again.
    """

    if not call.caller.is_person:
        raise people_only("work on a ticket; assign it to an agent")

    async def build(attempt: CommandContext) -> AssignTicket:
        owner = attempt.ticket.assignee_id
        if owner not in (None, attempt.actor.id):
            name = await attempt.session.scalar(select(Agent.name).where(Agent.id == owner))
            raise already_assigned(name or "somebody else")
        command = await _assignment(attempt, attempt.call.caller.agent_id)
        asked = call.expected_revision
        return command.model_copy(update={"expected_revision": attempt.ticket.revision if asked is None else asked})

    for tries_left in reversed(range(CLAIM_TRIES)):
        try:
            return await act(context, call, Permission.TICKET_CLAIM, build, body.comment)
        except VersionConflict:
            if call.expected_revision is not None or not tries_left:
                raise
            await asyncio.sleep(CLAIM_PAUSE_SECONDS)
    raise AssertionError("the last try returns or raises")


def assign(body: actions.AssignInput) -> Build:
    """Give the ticket to an agent; a new one is triaged by the rules on the way."""

    async def build(attempt: CommandContext) -> AssignTicket:
        return await _assignment(attempt, body.agent_id)

    return build


def transfer(body: actions.TeamInput) -> Build:
    """Hand the ticket to another team."""

    async def build(attempt: CommandContext) -> TransferTicket:
        return TransferTicket(**carried(attempt), team_id=await _get_team(attempt, body.team_id))

    return build


def triage(body: actions.TeamInput) -> Build:
    """Settle a new ticket's team by hand, and its policy by the rules."""

    async def build(attempt: CommandContext) -> TriageTicket:
        team_id = await _get_team(attempt, body.team_id)
        _, policy = await _route(attempt)
        return TriageTicket(**carried(attempt), team_id=team_id, policy=policy)

    return build


def prioritise(body: actions.PrioritiseInput) -> Build:
    """Change the priority, and the clocks' targets with it."""

    async def build(attempt: CommandContext) -> PrioritiseTicket:
        return PrioritiseTicket(**carried(attempt), priority=body.priority)

    return build


def set_due(body: actions.SetDueInput) -> Build:
    """Fix the instant by which the ticket must be resolved."""

    async def build(attempt: CommandContext) -> SetTicketDue:
        if body.due_at - attempt.now > FURTHEST_DUE:
            raise invalid("/due_at", f"must be within {FURTHEST_DUE.days} days from now")
        return SetTicketDue(**carried(attempt), due_at=body.due_at)

    return build


def change_policy(body: actions.ChangePolicyInput) -> Build:
    """Apply another SLA policy."""

    async def build(attempt: CommandContext) -> ChangeTicketPolicy:
        policy = await attempt.context.policies.find_current(attempt.session, body.policy_id, attempt.now)
        if policy is None:
            raise invalid("/policy_id", "there is no such active SLA policy")
        return ChangeTicketPolicy(**carried(attempt), policy=policy)

    return build


def hold(body: actions.HoldInput) -> Build:
    """Wait for a third party."""

    async def build(attempt: CommandContext) -> HoldTicket:
        return HoldTicket(**carried(attempt), reason=body.reason)

    return build


def resolve(_: actions.ActionInput) -> Build:
    """Declare it settled, unless a blocking task is still to be done."""

    async def build(attempt: CommandContext) -> ResolveTicket:
        if attempt.is_blocked:
            await check_nothing_blocks(attempt.session, attempt.ticket.id)
        return ResolveTicket(**carried(attempt))

    return build


def close(body: actions.CloseInput) -> Build:
    """End it; a ticket that is still new takes its policy along, so that its clocks can be judged.

    To close it as resolved needs what resolving needs.
    """

    async def build(attempt: CommandContext) -> CloseTicket:
        if body.reason is CloseReason.RESOLVED and attempt.is_blocked:
            await check_nothing_blocks(attempt.session, attempt.ticket.id)
        policy = (await _route(attempt))[1] if attempt.ticket.status == Status.NEW else None
        return CloseTicket(**carried(attempt), reason=body.reason, policy=policy)

    return build


def plain(kind: type[Command]) -> Build:
    """A command that needs nothing but who and when: release, pend, resume, reopen."""

    async def build(attempt: CommandContext) -> Command:
        return kind(**carried(attempt))

    return build


def carried(attempt: CommandContext) -> dict[str, Any]:
    """What every command carries."""
    return {
        "command_id": attempt.command_id,
        "actor": attempt.actor,
        "expected_revision": attempt.call.expected_revision,
    }


async def _assignment(attempt: CommandContext, agent_id: UUID) -> AssignTicket:
    ticket = attempt.ticket
    team_id, policy = TeamId(ticket.team_id) if ticket.team_id else None, None
    if ticket.status == Status.NEW:
        routed_to, policy = await _route(attempt)
        team_id = team_id or routed_to
    await check_assignable(attempt.session, agent_id, team_id)
    return AssignTicket(**carried(attempt), agent_id=AgentId(agent_id), team_id=team_id, policy=policy)


async def _route(attempt: CommandContext) -> tuple[TeamId, PolicySnapshot]:
    """Team and policy the rules choose for the ticket."""
    session, ticket_id = attempt.session, attempt.ticket.id
    table = await attempt.context.routing_tables.get(session, attempt.now)
    facts = await stored_facts(session, table.topics, [ticket_id])
    route = (await route_tickets(session, attempt.context.policies, table, facts, attempt.now))[ticket_id]
    return route.demand.team_id, route.policy.policy


async def _get_team(attempt: CommandContext, team_id: UUID) -> TeamId:
    team = await attempt.session.get(Team, team_id)
    if team is None:
        raise invalid("/team_id", "there is no such team")
    if not team.is_active:
        raise invalid("/team_id", "this team is not active")
    return TeamId(team_id)
