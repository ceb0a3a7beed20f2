"""Labels of notification events, audiences and channels, and the text of an inbox entry."""

from collections.abc import Mapping
from typing import Any

EVENT_LABELS: Mapping[str, str] = {
    "new_ticket": "New ticket",
    "requester_message": "Message from the requester",
    "agent_reply": "Reply by an agent",
    "mentioned": "Mention in a note",
    "assigned": "Assigned",
    "transferred": "Transferred",
    "returned": "Back in the team",
    "reminder": "Reminder while we wait",
    "resolved": "Resolved",
    "reopened": "Reopened",
    "closed": "Closed",
    "merged": "Merged into another ticket",
    "sla_warned": "SLA warning",
    "sla_breached": "SLA breached",
    "escalated": "Escalation step",
}
AUDIENCE_LABELS: Mapping[str, str] = {
    "requester": "Requester",
    "participants": "Participants",
    "assignee": "Assignee, or whoever stands in",
    "team": "Team",
    "lead": "Team lead",
    "last_responder": "Last responder",
    "followers": "Followers",
    "mentioned": "Mentioned agents",
    "on_call": "On-call service",
}
CHANNEL_LABELS: Mapping[str, str] = {"mail": "Mail", "inbox": "Inbox", "chat": "Chat", "on_call": "On-call"}
METRICS = {"first_response": "First response", "next_response": "Next response", "resolution": "Resolution"}
_WORDS: Mapping[str, str] = {
    "new_ticket": "A new ticket came to your team",
    "requester_message": "The requester wrote",
    "follower_reply": "A reply was sent",
    "mentioned": "You were mentioned in a note",
    "assigned": "Assigned to you",
    "transferred": "Transferred to your team",
    "returned": "Back in your team",
    "side_message": "A mail to a third party",
    "side_answer": "A third party answered",
    "follower_resolved": "Resolved",
    "follower_reopened": "Reopened",
    "follower_closed": "Closed",
    "escalated": "Escalated",
}


def words_of(entry: Mapping[str, Any]) -> str:
    """Returns what an inbox entry says."""
    template, facts = entry["template"], entry["facts"]
    metric = METRICS.get(facts.get("metric", ""), "SLA")
    if template == "sla_warned":
        return f"{metric}: {facts.get('percent', '')} % of the time used"
    if template == "sla_breached":
        return f"{metric} overdue"
    if template == "sla_breach_withdrawn":
        return f"{metric} not overdue after all"
    return _WORDS.get(template) or label_of_template(template)


def label_of_template(name: str) -> str:
    """Returns the name of a mail template as administrators read it: `sla_warned` is "SLA warned"."""
    return name.replace("_", " ").capitalize().replace("Sla", "SLA")
