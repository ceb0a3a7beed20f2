"""Previews and simulations of routing rules; read-only."""

from datetime import datetime, time
from zoneinfo import ZoneInfo

from services.assignment.app_state import AppState
from services.assignment.commands.configuration.rules import FIELDS, REFERENCES, check_rule, columns_of
from services.assignment.models import RoutingRule
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.access.visibility import VIEW
from services.assignment.queries.ticket_page.tickets import get_ticket
from services.assignment.routing_rules.preview import IsVisible, preview, with_draft
from services.assignment.routing_rules.sampled_tickets import SampledTicket
from services.assignment.routing_rules.simulation import Router, SimulatedSpan, simulate_day, simulate_one
from services.assignment.routing_rules.stored_facts import stored_facts
from services.assignment.routing_rules.table import plain_text
from services.assignment.schemas.routing_rules import RoutingRuleInput
from services.assignment.schemas.simulations import (
    RulePreview,
    RulePreviewInput,
    SimulatedTicket,
    SimulationInput,
    SimulationView,
)
from shared.contracts.base import AgentId, TeamId
from shared.contracts.vocabulary import Priority
from shared.domain.permissions import TicketPlace, permissions_on
from shared.domain.routing_rules import TicketFacts
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Session
from shared.kit.http.problems import invalid, not_found


async def simulate(context: AppState, caller: Caller, body: SimulationInput) -> SimulationView:
    """What would happen now. Raises Problem 404 for a ticket that the caller may not see, and 422."""
    now = utc_now()
    async with context.database.begin() as session:
        router = Router(context.policies, context.place, await context.routing_tables.get(session, now))
        if body.with_monitored:
            router = router.with_monitored()
        if body.day is not None:
            span = _span(body, context.settings.time_zone)
            summary = await simulate_day(session, router, span, now, seen_by(caller))
            return SimulationView(simulated_at=now, summary=summary)
        facts = await _facts(session, router, caller, body, now)
        return SimulationView(simulated_at=now, decision=await simulate_one(session, router, facts, now))


async def preview_rule(context: AppState, caller: Caller, body: RulePreviewInput) -> RulePreview:
    """What a rule would change. Raises Problem 404 for a rule that is not there, and 422."""
    now = utc_now()
    async with context.database.begin() as session:
        draft = await _draft(session, body)
        return await preview(session, draft, body.last, now, seen_by(caller))


def seen_by(caller: Caller) -> IsVisible:
    """Whether the caller may see a ticket: of others they learn that it would move, but not what it is about."""

    def is_visible(ticket: SampledTicket) -> bool:
        place = TicketPlace(
            TeamId(ticket.place_team_id) if ticket.place_team_id else None,
            AgentId(ticket.place_agent_id) if ticket.place_agent_id else None,
        )
        return VIEW in permissions_on(caller.principal, place)

    return is_visible


async def _draft(session: Session, body: RulePreviewInput) -> RoutingRule:
    """The rule of a preview, checked like a real one; it is never added to the session."""
    fields: RoutingRuleInput = body.rule
    position = fields.position
    if body.rule_id is not None:
        stored = await session.get(RoutingRule, body.rule_id)
        if stored is None:
            raise not_found("routing rule")
        position = position or stored.position
    values = columns_of({name: getattr(fields, name) for name in FIELDS}) | {"position": position}
    draft = RoutingRule(id=body.rule_id or new_id(), version=1, **values)
    with session.no_autoflush:
        await check_rule(session, draft, REFERENCES)
    return with_draft(draft)


async def _facts(session: Session, router: Router, caller: Caller, body: SimulationInput, now: datetime) -> TicketFacts:
    if body.ticket_id is not None:
        found = await get_ticket(session, caller, str(body.ticket_id))
        return (await stored_facts(session, router.table.topics, [found.ticket.id]))[found.ticket.id]
    assert body.ticket is not None
    return _made_up(body.ticket, router, now)


def _made_up(ticket: SimulatedTicket, router: Router, now: datetime) -> TicketFacts:
    if ticket.topic is not None and ticket.topic not in router.table.topics.values():
        raise invalid("/ticket/topic", f"there is no topic {ticket.topic}")
    return TicketFacts(
        received_at=ticket.received_at or now,
        topic=ticket.topic,
        channel=ticket.channel,
        priority=ticket.priority or Priority.NORMAL,
        is_priority_given=ticket.priority is not None,
        requester=ticket.requester.email if ticket.requester else "",
        subject=ticket.subject,
        body=plain_text(ticket.body, ticket.body_format),
        fields=ticket.fields,
    )


def _span(body: SimulationInput, default_zone: str) -> SimulatedSpan:
    name = body.timezone or default_zone
    try:
        zone = ZoneInfo(name)
    except (OSError, ValueError, KeyError) as unknown:
        raise invalid("/timezone", "is not the name of a time zone, such as Europe/Berlin") from unknown
    assert body.day is not None
    return SimulatedSpan(datetime.combine(body.day, time.min, zone), name)
