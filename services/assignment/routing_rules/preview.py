"""Previews the effect of a changed rule on recent tickets, without side effects or counts."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select

from services.assignment.models import RoutingRule
from services.assignment.routing_rules.sampled_tickets import SampledTicket, recent_ticket_ids, sampled_tickets
from services.assignment.routing_rules.stored_facts import stored_facts
from services.assignment.routing_rules.table import RulesResult, build_table
from services.assignment.schemas.simulations import Routed, RoutedTicket, RulePreview
from shared.contracts.vocabulary import Priority
from shared.domain.routing_rules import TicketFacts
from shared.kit.db import Session

AT_THE_END = 1_000_001
IsVisible = Callable[[SampledTicket], bool]


async def preview(session: Session, draft: RoutingRule, last: int, now: datetime, is_visible: IsVisible) -> RulePreview:
    """Evaluates the rules with and without the draft, treated as active, on recent tickets.

    `draft` replaces the stored rule with its id. Only the rules' results are compared: the chosen agent depends on the
    moment.
    """
    stored = [rule for rule in await session.scalars(select(RoutingRule)) if rule.id != draft.id]
    before = await build_table(session, stored, now)
    after = await build_table(session, [*stored, draft], now)
    ids = await recent_ticket_ids(session, last)
    facts = await stored_facts(session, before.topics, ids)
    tickets = await sampled_tickets(session, ids)
    matched, changed = 0, []
    for ticket_id in ids:
        one = facts[ticket_id]
        old, new = before.result_for(one), after.result_for(one)
        matched += any(match.rule_id == draft.id for match in new.outcome.matched)
        differing = differences(old, new)
        if differing:
            changed.append(_line(tickets[ticket_id], one, old, new, differing, is_visible))
    return RulePreview(looked_at=len(ids), matched=matched, changed=len(changed), items=changed)


def differences(old: RulesResult, new: RulesResult) -> list[str]:
    """The fields in which two results differ."""
    a, b = old.outcome, new.outcome
    pairs = {
        "team": (old.team_id, new.team_id),
        "priority": (a.priority, b.priority),
        "policy": (a.policy_id, b.policy_id),
        "assignee": (a.assignee_id, b.assignee_id),
        "tags": (set(a.tags), set(b.tags)),
        "skills": ((a.skills, a.preferred_skills), (b.skills, b.preferred_skills)),
    }
    return [name for name, (was, would_be) in pairs.items() if was != would_be]


def routed(result: RulesResult, facts: TicketFacts) -> Routed:
    """The team, priority, policy and other effects that the rules give a ticket."""
    outcome = result.outcome
    return Routed(
        team_id=result.team_id,
        assignee_id=outcome.assignee_id,
        priority=Priority(outcome.priority or facts.priority),
        policy_id=outcome.policy_id,
        tags=list(outcome.tags),
    )


def with_draft(rule: RoutingRule) -> RoutingRule:
    """An unsaved rule as a stored one: active, and in last place where it names no position."""
    rule.mode = "active"
    rule.position = rule.position or AT_THE_END
    rule.version = rule.version or 1
    return rule


def _line(
    ticket: SampledTicket,
    facts: TicketFacts,
    old: RulesResult,
    new: RulesResult,
    differing: list[str],
    is_visible: IsVisible,
) -> RoutedTicket:
    return RoutedTicket(
        id=ticket.id,
        number=ticket.number,
        subject=ticket.subject if is_visible(ticket) else "",
        was=routed(old, facts),
        would_be=routed(new, facts),
        changes=differing,
        rules=[match.words for match in new.outcome.matched],
    )
