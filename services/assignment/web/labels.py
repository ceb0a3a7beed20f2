"""What happened to a ticket, in the words of the people who work on it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import JsonValue

from services.assignment.schemas.conversation import EventView

Names = Mapping[str, str]
Phrase = Callable[[Mapping[str, Any], Names], str]


def format_event_short(value: JsonValue) -> str:
    """An answer to a question of the topic's form, as people read it."""
    match value:
        case bool():
            return "Yes" if value else "No"
        case list():
            return ", ".join(format_event_short(one) for one in value)
        case _:
            return str(value)


def _metric(details: Mapping[str, Any]) -> str:
    return str(details.get("metric", "")).replace("_", " ")


def _kind(value: object) -> str:
    return str(value).replace("_", " ")


def _verdict(details: Mapping[str, Any]) -> str:
    verdict = details["verdict"]
    return f"{_kind(verdict['metric'])}: {_kind(verdict['outcome'])}"


def _instant(value: object) -> str:
    return f"{str(value)[:16].replace('T', ' ')} UTC"


def _reminded(details: Mapping[str, Any], _names: Names) -> str:
    which = "again " if details["reminder"] > 1 else ""
    resolves_at = details.get("resolves_at")
    end = f"; resolves by itself on {_instant(resolves_at)} if they stay silent" if resolves_at else ""
    return f"reminded the requester {which}that an answer is needed{end}"


def _policy_changed(details: Mapping[str, Any], names: Names) -> str:
    policy = names.get(str(details["policy_id"]), "changed")
    return POLICY_MODES[details.get("mode", "carry")].format(policy=policy)


def _escalated(details: Mapping[str, Any], names: Names) -> str:
    step = f"escalated, step {details['step']}"
    again = f" for the {_ordinal(details['repetition'])} time" if details.get("repetition", 1) > 1 else ""
    return f"{_metric(details)}: {step}{again}: {_taken(details, names)}"


def _taken(details: Mapping[str, Any], names: Names) -> str:
    target = _target(details, names)
    match details["do"]:
        case "raise_priority":
            return f"raises the priority and tells {target}" if details.get("to") else "raises the priority"
        case "reassign":
            return f"hands over to {target}"
        case _:
            return f"tells {target}"


def _target(details: Mapping[str, Any], names: Names) -> str:
    """Whom a step names, as people say it."""
    agent, team = names.get(str(details.get("agent_id"))), names.get(str(details.get("team_id")))
    match str(details.get("to") or "").partition(":")[0]:
        case "":
            return "whoever is responsible"
        case "lead":
            return f"the lead of {team}" if team else "the lead"
        case "team":
            return team or "a team"
        case _:
            return agent or "an agent"


def _chose(details: Mapping[str, Any], names: Names) -> str:
    if details.get("offered_to"):
        return f"offered it to {names.get(str(details['offered_to']), 'an agent')}"
    verb = "left it with" if details.get("decided_by") == "last_agent" else "chose"
    return f"{verb} {names.get(str(details['agent_id']), 'nobody')}"


def _because(details: Mapping[str, Any], names: Names) -> str:
    """Why a ticket went back although nobody asked for it."""
    agent = names.get(str(details.get("previous_agent_id")), "the agent")
    team = names.get(str(details.get("previous_team_id")), "the team")
    match details.get("reason"):
        case "agent_inactive":
            return f", as {agent} is not active any more"
        case "agent_left_team":
            return f", as {agent} does not work in it any more"
        case "agent_absent":
            return f", as {agent} is out of office"
        case "agent_unavailable":
            return f", as {agent} cannot be given it now"
        case "team_inactive":
            return f", as {team} is not active any more"
        case _:
            return ""


def _listed(names: Sequence[str]) -> str:
    """Names as people list them: "subject, topic and requester"."""
    shown = ["the answers" if name == "fields" else f"the {name}" for name in names]
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def _ordinal(number: int) -> str:
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _link(details: Mapping[str, Any]) -> str:
    """A linked ticket, with what it is to this one."""
    role = LINK_ROLES.get(details["kind"], "")
    return f"{role}{details['other_number']}"


LINK_ROLES = {
    "duplicate_of": "this as a duplicate of ",
    "duplicated_by": "the duplicate ",
    "parent": "the parent ",
    "child": "the child ",
}
TASK_CHANGES = {
    "added": "added the task:",
    "changed": "changed the task:",
    "done": "finished the task:",
    "undone": "took up again the task:",
    "removed": "removed",
}
INCIDENT_CHANGES = {
    "declared": "declared this a major incident",
    "titled": "changed what requesters are shown of the major incident",
    "ended": "ended the major incident",
    "attach": "attached {count} tickets to the major incident",
    "detach": "detached {count} tickets from the major incident",
    "replies": "sent an update to the requesters of {count} children",
    "resolve": "resolves {count} children",
}
POLICY_MODES = {
    "carry": "SLA policy {policy}; the time used so far counts",
    "restart": "SLA policy {policy}; the clocks begin anew",
    "revert": "the change of the SLA policy is undone; SLA policy {policy} applies as if there had been none",
}
PHRASES: Mapping[str, Phrase] = {
    "ticket.opened": lambda _, __: "opened the ticket",
    "assignment.decided": lambda details, names: (
        f"{_chose(details, names)} in {names.get(str(details['team_id']), 'a team')} ({details['rule']})"
    ),
    "ticket.edited": lambda details, _: f"changed {_listed(details['changed'])}",
    "ticket.linked": lambda details, _: f"linked {_link(details)}",
    "ticket.unlinked": lambda details, _: f"unlinked {_link(details)}",
    "ticket.split": lambda _, __: "split a message off to a new ticket",
    "ticket.task_changed": lambda details, names: (
        f"{TASK_CHANGES[details['change']]} {names.get(details['task_id']) or 'a task'}"
    ),
    "ticket.incident_changed": lambda details, _: INCIDENT_CHANGES[details["change"]].format(**details),
    "ticket.triaged": lambda details, names: f"triaged to {names.get(str(details['team_id']), 'a team')}",
    "ticket.assigned": lambda details, names: f"assigned to {names.get(str(details['agent_id']), 'an agent')}",
    "ticket.released": lambda details, names: f"gave the ticket back to the team{_because(details, names)}",
    "ticket.transferred": lambda details, names: (
        f"transferred to {names.get(str(details['team_id']), 'another team')}{_because(details, names)}"
    ),
    "ticket.prioritised": lambda details, _: f"priority from {details['previous']} to {details['priority']}",
    "ticket.due_set": lambda details, _: f"due instant set to {_instant(details['due_at'])}",
    "ticket.pended": lambda _, __: "waits for the requester",
    "ticket.held": lambda details, _: f"on hold: {_kind(details['reason'])}",
    "ticket.resumed": lambda _, __: "work goes on",
    "ticket.reminded": _reminded,
    "ticket.resolved": lambda details, _: (
        "resolved, as the requester did not answer" if details.get("cause") == "timer" else "resolved"
    ),
    "ticket.reopened": lambda _, __: "reopened",
    "ticket.closed": lambda details, _: (
        "merged the ticket into another one" if details.get("merge_id") else f"closed: {_kind(details['reason'])}"
    ),
    "ticket.absorbed": lambda _, __: "merged another ticket into this one",
    "ticket.detached": lambda _, __: "undid the merge of another ticket",
    "ticket.unmerged": lambda _, __: "undid the merge",
    "ticket.archived": lambda _, __: "archived",
    "ticket.policy_changed": _policy_changed,
    "ticket.sla_warned": lambda details, _: f"{_metric(details)}: {details['percent']} % of the time used",
    "ticket.sla_breached": lambda details, _: f"{_metric(details)}: overdue",
    "ticket.sla_breach_withdrawn": lambda details, _: f"{_metric(details)}: was not overdue after all",
    "ticket.sla_settled": lambda details, _: _verdict(details),
    "ticket.escalated": _escalated,
}
"""One phrase per kind of event; what is not here is not shown."""


def format_event(event: EventView, names: Names) -> str:
    """A line of the conversation, or nothing for what needs no saying."""
    phrase = PHRASES.get(event.type)
    if phrase is None:
        return ""
    name = event.actor.name
    named = {"agent": name or "An agent", "program": f"{name or 'A program'} (program)", "requester": "The requester"}
    who = named.get(event.actor.kind, "Everdesk")
    return f"{who}: {phrase(event.details, names)}"
