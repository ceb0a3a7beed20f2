"""What happened to a ticket, in the language and the words of the people who work on it.

The log keeps facts; sentences are made when they are read. Each has the form "who: what".
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from pydantic import JsonValue

from services.assignment.schemas.conversation import EventView
from services.assignment.web.decision_rules import rules_text
from shared.kit.i18n.formats import format_instant, format_list, format_ordinal
from shared.kit.i18n.messages import gettext, ngettext, pgettext
from shared.kit.i18n.messages import marked as _
from shared.kit.i18n.vocabulary import metric_word, outcome_word, priority_name, reason_word

Details = Mapping[str, Any]
Names = Mapping[str, str]
Phrase = Callable[[Details, Names], str]

LINKED = {
    "related": _("linked %(number)s"),
    "duplicate_of": _("linked this as a duplicate of %(number)s"),
    "duplicated_by": _("linked the duplicate %(number)s"),
    "parent": _("linked the parent %(number)s"),
    "child": _("linked the child %(number)s"),
}
UNLINKED = {
    "related": _("unlinked %(number)s"),
    "duplicate_of": _("unlinked this as a duplicate of %(number)s"),
    "duplicated_by": _("unlinked the duplicate %(number)s"),
    "parent": _("unlinked the parent %(number)s"),
    "child": _("unlinked the child %(number)s"),
}
TASK_CHANGES = {
    "added": (_("added the task: %(title)s"), _("added a task")),
    "changed": (_("changed the task: %(title)s"), _("changed a task")),
    "done": (_("finished the task: %(title)s"), _("finished a task")),
    "undone": (_("took up again the task: %(title)s"), _("took up a task again")),
    "removed": (_("removed the task: %(title)s"), _("removed a task")),
}
"""With the title, and without it where the task is not there any more."""
INCIDENT_CHANGES: Mapping[str, Callable[[int], str]] = {
    "declared": lambda _count: gettext("declared this a major incident"),
    "titled": lambda _count: gettext("changed what requesters are shown of the major incident"),
    "ended": lambda _count: gettext("ended the major incident"),
    "attach": lambda count: ngettext(
        "attached %(num)s ticket to the major incident", "attached %(num)s tickets to the major incident", count
    ),
    "detach": lambda count: ngettext(
        "detached %(num)s ticket from the major incident", "detached %(num)s tickets from the major incident", count
    ),
    "replies": lambda count: ngettext(
        "sent an update to the requester of %(num)s child",
        "sent an update to the requesters of %(num)s children",
        count,
    ),
    "resolve": lambda count: ngettext("resolves %(num)s child", "resolves %(num)s children", count),
}
POLICY_MODES = {
    "carry": _("SLA policy %(policy)s; the time used so far counts"),
    "restart": _("SLA policy %(policy)s; the clocks begin anew"),
    "revert": _(
        "the change of the SLA policy is undone; SLA policy %(policy)s applies as if there had been none",
    ),
}


def format_event(event: EventView, names: Names) -> str:
    """A line of the conversation, or nothing for what needs no saying."""
    phrase = PHRASES.get(event.type)
    if phrase is None:
        return ""
    return gettext("%(who)s: %(what)s", who=_who(event), what=phrase(event.details, names))


def format_event_short(value: JsonValue) -> str:
    """An answer to a question of the topic's form, as people read it."""
    match value:
        case bool():
            return gettext("Yes") if value else gettext("No")
        case list():
            return ", ".join(format_event_short(one) for one in value)
        case _:
            return str(value)


def _who(event: EventView) -> str:
    name = event.actor.name
    match event.actor.kind:
        case "agent":
            return name or gettext("An agent")
        case "program":
            return gettext("%(name)s (program)", name=name or gettext("A program"))
        case "requester":
            return gettext("The requester")
        case _:
            return "Everdesk"


def _agent(names: Names, agent_id: object) -> str:
    return names.get(str(agent_id)) or pgettext("object", "an agent")


def _team(names: Names, team_id: object) -> str:
    return names.get(str(team_id)) or pgettext("object", "a team")


def _instant(value: object) -> str:
    return format_instant(datetime.fromisoformat(str(value)))


def _decided(details: Details, names: Names) -> str:
    values = {
        "team": names.get(str(details["team_id"])) or pgettext("place", "a team"),
        "rule": rules_text(details["rule"]),
    }
    if details.get("offered_to"):
        agent = _agent(names, details["offered_to"])
        return gettext("offered it to %(agent)s in %(team)s (%(rule)s)", agent=agent, **values)
    if details["agent_id"] is None:
        return gettext("chose nobody in %(team)s (%(rule)s)", **values)
    agent = _agent(names, details["agent_id"])
    if details.get("decided_by") == "last_agent":
        return gettext("left it with %(agent)s in %(team)s (%(rule)s)", agent=agent, **values)
    return gettext("chose %(agent)s in %(team)s (%(rule)s)", agent=agent, **values)


def _edited(details: Details, _names: Names) -> str:
    return gettext("changed %(parts)s", parts=format_list([_part(name) for name in details["changed"]]))


def _part(name: str) -> str:
    """What was corrected on a ticket."""
    match name:
        case "subject":
            return pgettext("part", "the subject")
        case "topic":
            return pgettext("part", "the topic")
        case "requester":
            return pgettext("part", "the requester")
        case "fields":
            return pgettext("part", "the answers")
        case _:
            return name


def _task_changed(details: Details, names: Names) -> str:
    titled, plain = TASK_CHANGES[details["change"]]
    title = names.get(details["task_id"])
    return gettext(titled, title=title) if title else gettext(plain)


def _incident_changed(details: Details, _names: Names) -> str:
    count = details.get("count") or 0
    return INCIDENT_CHANGES[details["change"]](count) % {"num": count}


def _went_back(details: Details, names: Names) -> str:
    return _with_cause(gettext("gave the ticket back to the team"), details, names)


def _transferred(details: Details, names: Names) -> str:
    team = names.get(str(details["team_id"])) or pgettext("object", "another team")
    return _with_cause(gettext("transferred to %(team)s", team=team), details, names)


def _with_cause(what: str, details: Details, names: Names) -> str:
    """Adds why a ticket went back although nobody asked for it."""
    agent = names.get(str(details.get("previous_agent_id"))) or pgettext("subject", "the agent")
    team = names.get(str(details.get("previous_team_id"))) or pgettext("subject", "the team")
    match details.get("reason"):
        case "agent_inactive":
            why = pgettext("as", "%(name)s is not active any more", name=agent)
        case "agent_left_team":
            why = pgettext("as", "%(name)s does not work in it any more", name=agent)
        case "agent_absent":
            why = pgettext("as", "%(name)s is out of office", name=agent)
        case "agent_unavailable":
            why = pgettext("as", "%(name)s cannot be given it now", name=agent)
        case "team_inactive":
            why = pgettext("as", "%(name)s is not active any more", name=team)
        case _:
            return what
    return gettext("%(what)s, as %(why)s", what=what, why=why)


def _reminded(details: Details, _names: Names) -> str:
    is_again, resolves_at = details["reminder"] > 1, details.get("resolves_at")
    if not resolves_at:
        return (
            gettext("reminded the requester again that an answer is needed")
            if is_again
            else gettext("reminded the requester that an answer is needed")
        )
    at = _instant(resolves_at)
    if is_again:
        return gettext(
            "reminded the requester again that an answer is needed; resolves by itself on %(at)s if they stay silent",
            at=at,
        )
    return gettext(
        "reminded the requester that an answer is needed; resolves by itself on %(at)s if they stay silent", at=at
    )


def _policy_changed(details: Details, names: Names) -> str:
    policy = names.get(str(details["policy_id"])) or pgettext("policy", "changed")
    return gettext(POLICY_MODES[details.get("mode") or "carry"], policy=policy)


def _escalated(details: Details, names: Names) -> str:
    metric, step, taken = metric_word(details["metric"]), details["step"], _taken(details, names)
    repetition = details.get("repetition") or 1
    if repetition == 1:
        return gettext("%(metric)s: escalated, step %(step)s: %(taken)s", metric=metric, step=step, taken=taken)
    return gettext(
        "%(metric)s: escalated, step %(step)s for the %(ordinal)s time: %(taken)s",
        metric=metric,
        step=step,
        ordinal=format_ordinal(repetition),
        taken=taken,
    )


def _taken(details: Details, names: Names) -> str:
    target = _target(details, names)
    match details["do"]:
        case "raise_priority" if not details.get("to"):
            return gettext("raises the priority")
        case "raise_priority":
            return gettext("raises the priority and tells %(target)s", target=target)
        case "reassign":
            return gettext("hands over to %(target)s", target=target)
        case _:
            return gettext("tells %(target)s", target=target)


def _target(details: Details, names: Names) -> str:
    """Whom a step names, as people say it."""
    team = names.get(str(details.get("team_id")))
    match str(details.get("to") or "").partition(":")[0]:
        case "":
            return pgettext("object", "whoever is responsible")
        case "lead":
            return pgettext("object", "the lead of %(team)s", team=team) if team else pgettext("object", "the lead")
        case "team":
            return _team(names, details.get("team_id"))
        case _:
            return _agent(names, details.get("agent_id"))


def _prioritised(details: Details, _names: Names) -> str:
    before, after = priority_name(details["previous"]), priority_name(details["priority"])
    return gettext("priority from %(previous)s to %(priority)s", previous=before.lower(), priority=after.lower())


def _settled(details: Details, _names: Names) -> str:
    verdict = details["verdict"]
    metric, outcome = metric_word(verdict["metric"]), outcome_word(verdict["outcome"])
    return gettext("%(metric)s: %(outcome)s", metric=metric, outcome=outcome)


def _other(details: Details) -> str:
    """The number of the other ticket, which readers who may not see that one are not told."""
    return str(details.get("other_number") or gettext("another ticket"))


def _linked(details: Details, _names: Names) -> str:
    return gettext(LINKED[details["kind"]], number=_other(details))


def _unlinked(details: Details, _names: Names) -> str:
    return gettext(UNLINKED[details["kind"]], number=_other(details))


def _resolved(details: Details, _names: Names) -> str:
    if details.get("cause") == "timer":
        return gettext("resolved, as the requester did not answer")
    return pgettext("event", "resolved")


def _closed(details: Details, _names: Names) -> str:
    if details.get("merge_id"):
        return gettext("merged the ticket into another one")
    return gettext("closed: %(reason)s", reason=reason_word(details["reason"]))


PHRASES: Mapping[str, Phrase] = {
    "ticket.opened": lambda _, __: gettext("opened the ticket"),
    "assignment.decided": _decided,
    "ticket.edited": _edited,
    "ticket.linked": _linked,
    "ticket.unlinked": _unlinked,
    "ticket.split": lambda _, __: gettext("split a message off to a new ticket"),
    "ticket.task_changed": _task_changed,
    "ticket.incident_changed": _incident_changed,
    "ticket.triaged": lambda details, names: gettext("triaged to %(team)s", team=_team(names, details["team_id"])),
    "ticket.assigned": lambda details, names: gettext(
        "assigned to %(agent)s", agent=_agent(names, details["agent_id"])
    ),
    "ticket.released": _went_back,
    "ticket.transferred": _transferred,
    "ticket.prioritised": _prioritised,
    "ticket.due_set": lambda details, _: gettext("due date set to %(at)s", at=_instant(details["due_at"])),
    "ticket.pended": lambda _, __: gettext("waits for the requester"),
    "ticket.held": lambda details, _: gettext("on hold: %(reason)s", reason=reason_word(details["reason"])),
    "ticket.resumed": lambda _, __: gettext("work goes on"),
    "ticket.reminded": _reminded,
    "ticket.resolved": _resolved,
    "ticket.reopened": lambda _, __: pgettext("event", "reopened"),
    "ticket.closed": _closed,
    "ticket.absorbed": lambda _, __: gettext("merged another ticket into this one"),
    "ticket.detached": lambda _, __: gettext("undid the merge of another ticket"),
    "ticket.unmerged": lambda _, __: gettext("undid the merge"),
    "ticket.archived": lambda _, __: pgettext("event", "archived"),
    "ticket.policy_changed": _policy_changed,
    "ticket.sla_warned": lambda details, _: gettext(
        "%(metric)s: %(percent)s %% of the time used",
        metric=metric_word(details["metric"]),
        percent=details["percent"],
    ),
    "ticket.sla_breached": lambda details, _: gettext("%(metric)s: overdue", metric=metric_word(details["metric"])),
    "ticket.sla_breach_withdrawn": lambda details, _: gettext(
        "%(metric)s: was not overdue after all", metric=metric_word(details["metric"])
    ),
    "ticket.sla_settled": _settled,
    "ticket.escalated": _escalated,
}
"""One phrase per kind of event; what is not here is not shown."""
