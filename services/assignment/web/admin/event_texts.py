"""What events say, and what they are about: what administrators choose from for a webhook."""

from collections.abc import Mapping

from shared.kit.i18n.messages import marked as _

GROUPS: Mapping[str, str] = {
    "agent": _("Agents"),
    "assignment": _("Decisions about assignment"),
    "csat": _("Satisfaction"),
    "follower": _("Followers"),
    "installation": _("The installation"),
    "mail": _("Returned mail"),
    "message": _("Messages"),
    "note": _("Notes"),
    "notification": _("Notifications"),
    "organisation": _("Organisations"),
    "participant": _("People in copy"),
    "requester": _("Requesters"),
    "side": _("Third parties"),
    "team": _("Teams"),
    "ticket": _("Tickets"),
    "tickets": _("Returns to a team"),
    "topic": _("Topics"),
}
"""Headings, by the first part of the names of events."""
EVENTS: Mapping[str, str] = {
    "agent.changed": _("An agent as they now are."),
    "assignment.decided": _("Why this team and this agent: the evidence of a routing decision."),
    "csat.asked": _("The mail that tells a requester of a resolution also asks how satisfied they are."),
    "csat.rated": _("A requester rated the help that they got, or changed their rating."),
    "follower.changed": _("An agent follows a ticket from now on, or does no more."),
    "installation.changed": _("What everybody is shown of this installation, as it now is."),
    "mail.bounced": _("A mail server reported, with proof, that a mail of ours reached nobody and why."),
    "message.edited": _("An agent corrected their reply. Mails that are out stay as they are."),
    "message.posted": _("A public message, from the requester or from an agent."),
    "message.unclaimed": _("A requester wrote to a ticket that is archived or was being merged."),
    "note.added": _("A note among agents. Never shown to requesters."),
    "note.files_attached": _("Files that an agent sent for a note."),
    "note.received": _("What an agent wrote by mail about a ticket: a note, or a reply."),
    "notification.failed": _("A notification was given up."),
    "notification.sent": _("The mail server took a notification."),
    "organisation.changed": _("An organisation as it now is."),
    "participant.changed": _("Somebody in copy of a ticket, as they now are."),
    "participant.decided": _("An agent adds, confirms or removes somebody in copy."),
    "requester.changed": _("A requester as the desk now knows them."),
    "requester.erased": _("A requester asked to be forgotten."),
    "side.message_received": _("A third party answered by mail, or a mail to them came back."),
    "side.message_sent": _("An agent wrote to a third party about a ticket."),
    "team.changed": _("A team as it now is."),
    "ticket.absorbed": _("Another ticket became part of this one: of the clocks of both, the earliest start wins."),
    "ticket.archived": _("The reopen window has passed; the ticket stays as it is."),
    "ticket.assigned": _("An agent now owns the ticket."),
    "ticket.closed": _("The ticket is done, until the reopen window has passed."),
    "ticket.detached": _(
        "A ticket that was taken in stands on its own again; the clocks stand as if it had never been taken in."
    ),
    "ticket.due_set": _("An agent fixed the instant by which the ticket must be resolved."),
    "ticket.edited": _("An agent corrected what the ticket says of itself. What is null stayed as it was."),
    "ticket.erased": _("What people wrote on a ticket is kept no longer; its life and its verdicts stay."),
    "ticket.escalated": _("A step of the policy's escalation ladder was taken."),
    "ticket.held": _("The ticket waits for a third party."),
    "ticket.incident_changed": _(
        "A ticket was declared a major incident, is none any more, or something was done about it."
    ),
    "ticket.linked": _("Another ticket belongs to this one. Announced once for each of the two."),
    "ticket.mentioned": _(
        "A note names agents: they follow the ticket from then on, and are told of it if they may see it."
    ),
    "ticket.message_recorded": _("A message reached the clocks: who wrote and when, never what."),
    "ticket.opened": _("A ticket's life has begun."),
    "ticket.pended": _("The ticket waits for the requester."),
    "ticket.policy_changed": _(
        "Another SLA policy applies: elapsed time was carried over, the clocks began anew, or a roll-out was undone."
    ),
    "ticket.prioritised": _("The priority changed, and the clocks' targets with it."),
    "ticket.released": _("The agent gave the ticket back to the team."),
    "ticket.reminded": _("The ticket still waits for the requester, who is reminded of it."),
    "ticket.reopened": _("The ticket is open again."),
    "ticket.resolved": _("The matter should be settled, or the requester stayed silent too long."),
    "ticket.resumed": _("Work on the ticket goes on."),
    "ticket.sla_breach_withdrawn": _("A fact that arrived late shows there was no breach."),
    "ticket.sla_breached": _("A clock passed its due time."),
    "ticket.sla_settled": _("A clock ended with a verdict."),
    "ticket.sla_warned": _("A clock has used this much of its target."),
    "ticket.split": _("A message was taken from the ticket; a new ticket starts with it."),
    "ticket.submitted": _("A requester asked for help."),
    "ticket.task_changed": _("A task on a ticket was added, changed, done or removed."),
    "ticket.transferred": _("Another team has the ticket; its agent was dropped, its clocks were not touched."),
    "ticket.triaged": _("Team, priority and SLA policy are settled; the ticket is open."),
    "ticket.unlinked": _("Two tickets do not belong together any more. Announced once for each of the two."),
    "ticket.unmerged": _("The ticket is no part of another one any more, and stands as it did before."),
    "tickets.returned": _("Tickets came back to a team together because an agent or another team is there no more."),
    "topic.changed": _("A help topic as it now is."),
}
"""What each event says, in one sentence."""
