"""Labels of notification events, audiences and channels, and the text of an inbox entry."""

from collections.abc import Mapping
from typing import Any

from shared.kit.i18n.messages import gettext
from shared.kit.i18n.messages import marked as _

EVENT_LABELS: Mapping[str, str] = {
    "new_ticket": _("New ticket"),
    "requester_message": _("Message from the requester"),
    "agent_reply": _("Reply by an agent"),
    "mentioned": _("Mention in a note"),
    "assigned": _("Assigned"),
    "transferred": _("Transferred"),
    "returned": _("Back in the team"),
    "reminder": _("Reminder while we wait"),
    "resolved": _("Resolved"),
    "reopened": _("Reopened"),
    "closed": _("Closed"),
    "merged": _("Merged into another ticket"),
    "sla_warned": _("SLA warning"),
    "sla_breached": _("SLA breached"),
    "escalated": _("Escalation step"),
}
AUDIENCE_LABELS: Mapping[str, str] = {
    "requester": _("Requester"),
    "participants": _("Participants"),
    "assignee": _("Assignee, or whoever stands in"),
    "team": _("Team"),
    "lead": _("Team lead"),
    "last_responder": _("Last responder"),
    "followers": _("Followers"),
    "mentioned": _("Mentioned agents"),
    "on_call": _("On-call service"),
}
CHANNEL_LABELS: Mapping[str, str] = {"mail": _("Mail"), "inbox": _("Inbox"), "chat": _("Chat"), "on_call": _("On-call")}
METRICS = {"first_response": _("First response"), "next_response": _("Next response"), "resolution": _("Resolution")}
_WORDS: Mapping[str, str] = {
    "new_ticket": _("A new ticket came to your team"),
    "requester_message": _("The requester wrote"),
    "follower_reply": _("A reply was sent"),
    "mentioned": _("You were mentioned in a note"),
    "assigned": _("Assigned to you"),
    "transferred": _("Transferred to your team"),
    "returned": _("Back in your team"),
    "side_message": _("A mail to a third party"),
    "side_answer": _("A third party answered"),
    "follower_resolved": _("Resolved"),
    "follower_reopened": _("Reopened"),
    "follower_closed": _("Closed"),
    "escalated": _("Escalated"),
}
_TEMPLATES: Mapping[str, str] = {
    "acknowledgement": _("Acknowledgement"),
    "access_link": _("Access link"),
    "export_link": _("Export link"),
    "reply": _("Reply"),
    "reminder": _("Reminder"),
    "resolved_unanswered": _("Resolved unanswered"),
    "resolved": _("Resolved"),
    "merged": _("Merged"),
    "invitation": _("Invitation"),
    "participant_joined": _("Participant joined"),
    "assigned": _("Assigned"),
    "transferred": _("Transferred"),
    "returned": _("Returned"),
    "new_ticket": _("New ticket"),
    "requester_message": _("Requester message"),
    "sla_warned": _("SLA warned"),
    "sla_breached": _("SLA breached"),
    "sla_breach_withdrawn": _("SLA breach withdrawn"),
    "escalated": _("Escalated"),
    "mentioned": _("Mentioned"),
    "side_message": _("Side message"),
    "side_answer": _("Side answer"),
    "follower_reply": _("Follower reply"),
    "follower_resolved": _("Follower resolved"),
    "follower_reopened": _("Follower reopened"),
    "follower_closed": _("Follower closed"),
    "digest": _("Digest"),
    "scheduled_report": _("Scheduled report"),
    "account_changed": _("Account changed"),
    "account_invitation": _("Account invitation"),
    "password_reset": _("Password reset"),
}


def words_of(entry: Mapping[str, Any]) -> str:
    """Returns what an inbox entry says."""
    template, facts = entry["template"], entry["facts"]
    metric = gettext(METRICS.get(facts.get("metric", ""), "SLA"))
    if template == "sla_warned":
        return gettext("%(metric)s: %(percent)s %% of the time used", metric=metric, percent=facts.get("percent", ""))
    if template == "sla_breached":
        return gettext("%(metric)s overdue", metric=metric)
    if template == "sla_breach_withdrawn":
        return gettext("%(metric)s not overdue after all", metric=metric)
    return gettext(_WORDS[template]) if template in _WORDS else label_of_template(template)


def label_of_template(name: str) -> str:
    """Returns the name of a mail template as administrators read it: `sla_warned` is "SLA warned"."""
    return gettext(_TEMPLATES[name]) if name in _TEMPLATES else name.replace("_", " ").capitalize()
