"""Copies of mails to the requester, for each participant of the ticket."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from services.notification.decisions.event_rules import COPIED, REQUESTER, NotificationDecision, participant


def with_copies(decisions: Sequence[NotificationDecision], joined: Collection[str]) -> list[NotificationDecision]:
    """Returns the decisions, followed by a copy of each requester decision for every present participant."""
    copied = [one for one in decisions if one.template in COPIED and one.recipient == REQUESTER]
    return [*decisions, *(replace(one, recipient=participant(email)) for one in copied for email in joined)]
