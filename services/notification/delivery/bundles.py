"""Bundles: mails that are sent as one, because their reader wants a digest or much happened to one ticket at once."""

from collections.abc import Sequence
from typing import Any, TypedDict
from uuid import UUID

from sqlalchemy import select, update

from services.notification.delivery.claimed_mail import ClaimedMail
from services.notification.delivery.status import TOLD_IN_BUNDLE, DeliveryStatus
from services.notification.delivery.templates import TemplateName
from services.notification.models import IS_BUNDLED, Delivery, Ticket
from shared.kit.db import Session
from shared.kit.i18n.messages import marked as _

BUNDLED = "bundled"
"""The fact of which others a mail carries: their tickets and kinds, and nothing that a person wrote. Empty: none.

It is there once a mail was claimed: what a server may have taken already does not change under the same Message-ID.
"""
MOST_LINES = 100
OTHER = _("News")
WORDS = {
    TemplateName.NEW_TICKET: _("New ticket"),
    TemplateName.REQUESTER_MESSAGE: _("New message"),
    TemplateName.SIDE_ANSWER: _("A third party answered"),
    TemplateName.ASSIGNED: _("Assigned to you"),
    TemplateName.TRANSFERRED: _("Transferred to your team"),
    TemplateName.RETURNED: _("Back in your team"),
    TemplateName.MENTIONED: _("You were mentioned"),
    TemplateName.SLA_WARNED: _("SLA warning"),
    TemplateName.FOLLOWER_REPLY: _("Reply sent"),
    TemplateName.FOLLOWER_RESOLVED: _("Resolved"),
    TemplateName.FOLLOWER_REOPENED: _("Reopened"),
    TemplateName.FOLLOWER_CLOSED: _("Closed"),
}


class BundleLine(TypedDict):
    """One line of a digest."""

    number: str
    subject: str
    what: str


async def take_bundles(session: Session, claimed: Sequence[ClaimedMail]) -> set[UUID]:
    """Lets one mail of each bundle carry the others, which are dropped; returns the ids of the mails to be sent.

    It takes every queued mail of the bundle, those that are due later included. A mail that was claimed before goes as
    it went then: whoever has it from the server already would pass over a second one with the same Message-ID.
    """
    first: dict[str, ClaimedMail] = {}
    new = [one for one in claimed if one.bundle is not None and BUNDLED not in one.facts]
    for one in new:
        if one.bundle is not None:
            first.setdefault(one.bundle, one)
    if not first:
        return {one.id for one in claimed}
    carriers = {one.id for one in first.values()}
    queued = select(Delivery).where(IS_BUNDLED, Delivery.bundle.in_(first), Delivery.id.not_in(carriers))
    waiting = (await session.scalars(queued.order_by(Delivery.id).with_for_update(skip_locked=True))).all()
    others = [one for one in new if one.id not in carriers]
    carried: list[ClaimedMail | Delivery] = [*others, *waiting]
    for bundle, carrier in first.items():
        lines = [line for one in carried if one.bundle == bundle for line in _told_by(one)]
        carrier.tell({BUNDLED: [*_told_by(carrier), *lines] if lines else []})
    if carried:
        await session.execute(
            update(Delivery)
            .where(Delivery.id.in_([one.id for one in carried]))
            .values(status=DeliveryStatus.DROPPED, next_attempt_at=None, last_error=TOLD_IN_BUNDLE, facts={})
        )
    dropped = {one.id for one in carried}
    return {one.id for one in claimed if one.id not in dropped}


def _told_by(delivery: ClaimedMail | Delivery) -> list[dict[str, str]]:
    """Returns the lines of a mail: those that it carries already, else one for each thing that it tells."""
    lines: list[dict[str, str]] = delivery.facts.get(BUNDLED) or [
        {"ticket_id": str(delivery.ticket_id), "template": template} for template in _templates_of(delivery)
    ]
    return lines


def _templates_of(delivery: ClaimedMail | Delivery) -> list[str]:
    """Returns what a mail tells: its own, and what it was to tell as well; see `consolidation`."""
    also = (one.get("kind", TemplateName.SLA_WARNED.value) for one in delivery.facts.get("also", []))
    return [delivery.template, *also]


async def lines_of(session: Session, claimed: Sequence[ClaimedMail]) -> dict[UUID, list[BundleLine]]:
    """Returns the lines of mails that carry others, with what is known of the tickets now."""
    carried: dict[UUID, list[dict[str, Any]]] = {
        one.id: one.facts[BUNDLED][:MOST_LINES] for one in claimed if BUNDLED in one.facts
    }
    if not carried:
        return {}
    wanted = {UUID(line["ticket_id"]) for lines in carried.values() for line in lines}
    query = select(Ticket.id, Ticket.number, Ticket.subject).where(Ticket.id.in_(wanted), Ticket.erased_at.is_(None))
    tickets = {str(row.id): row for row in await session.execute(query)}
    return {
        mail_id: [_line(line, tickets[line["ticket_id"]]) for line in lines if line["ticket_id"] in tickets]
        for mail_id, lines in carried.items()
    }


def _line(line: dict[str, Any], ticket: Any) -> BundleLine:
    what = WORDS.get(TemplateName(line["template"]), OTHER)
    return BundleLine(number=ticket.number or "", subject=ticket.subject or "", what=what)
