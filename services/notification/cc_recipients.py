"""What is told the requester goes to everybody who takes part as well, each in a mail of their own."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from services.notification.decisions import COPIED, REQUESTER, NotificationDecision, participant


def with_copies(decisions: Sequence[NotificationDecision], joined: Collection[str]) -> list[NotificationDecision]:
    """The decisions, and the same for those who take part at this moment."""
    copied = [one for one in decisions if one.template in COPIED and one.recipient == REQUESTER]
    return [*decisions, *(replace(one, recipient=participant(email)) for one in copied for email in joined)]
