"""What happened to a ticket, in the words of the people who work on it."""

from collections.abc import Callable, Mapping
from typing import Any

from services.assignment.schemas.conversation import EventView

Names = Mapping[str, str]
Phrase = Callable[[Mapping[str, Any], Names], str]


def _metric(details: Mapping[str, Any]) -> str:
    return str(details.get("metric", "")).replace("_", " ")


def _kind(value: object) -> str:
    return str(value).replace("_", " ")


def _verdict(details: Mapping[str, Any]) -> str:
    verdict = details["verdict"]
    return f"{_kind(verdict['metric'])}: {_kind(verdict['outcome'])}"


PHRASES: Mapping[str, Phrase] = {
    "ticket.opened": lambda _, __: "opened the ticket",
    "assignment.decided": lambda details, names: (
        f"chose {names.get(str(details['agent_id']), 'nobody')} in {names.get(str(details['team_id']), 'a team')}"
        f" ({details['rule']})"
    ),
    "ticket.triaged": lambda details, names: f"triaged to {names.get(str(details['team_id']), 'a team')}",
    "ticket.assigned": lambda details, names: f"assigned to {names.get(str(details['agent_id']), 'an agent')}",
    "ticket.released": lambda _, __: "gave the ticket back to the team",
    "ticket.transferred": lambda details, names: f"transferred to {names.get(str(details['team_id']), 'another team')}",
    "ticket.prioritised": lambda details, _: f"priority from {details['previous']} to {details['priority']}",
    "ticket.due_set": lambda details, _: f"due instant set to {str(details['due_at'])[:16].replace('T', ' ')} UTC",
    "ticket.pended": lambda _, __: "waits for the requester",
    "ticket.held": lambda details, _: f"on hold: {_kind(details['reason'])}",
    "ticket.resumed": lambda _, __: "work goes on",
    "ticket.resolved": lambda _, __: "resolved",
    "ticket.reopened": lambda _, __: "reopened",
    "ticket.closed": lambda details, _: f"closed: {_kind(details['reason'])}",
    "ticket.archived": lambda _, __: "archived",
    "ticket.policy_changed": lambda details, names: f"SLA policy {names.get(str(details['policy_id']), 'changed')}",
    "ticket.sla_warned": lambda details, _: f"{_metric(details)}: {details['percent']} % of the time used",
    "ticket.sla_breached": lambda details, _: f"{_metric(details)}: overdue",
    "ticket.sla_breach_withdrawn": lambda details, _: f"{_metric(details)}: was not overdue after all",
    "ticket.sla_settled": lambda details, _: _verdict(details),
    "ticket.escalated": lambda details, _: f"{_metric(details)}: escalated, {_kind(details['do'])}",
}
"""One phrase per kind of event; what is not here is not shown."""


def in_words(event: EventView, names: Names) -> str:
    """A line of the conversation, or nothing for what needs no saying."""
    phrase = PHRASES.get(event.type)
    if phrase is None:
        return ""
    who = {"agent": event.actor.name or "An agent", "requester": "The requester"}.get(event.actor.kind, "Everdesk")
    return f"{who}: {phrase(event.details, names)}"
