"""Consolidation: of several unsent mails to one person about one ticket only the most severe is sent.

It names the others. Several coincide when a raised priority passes three warnings, a policy is rolled out, an
outage ends, or a reply resolves the ticket. `severity` ranks them.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, tuple_, update
from sqlalchemy.orm import aliased

from services.notification.delivery.claimed_mail import ClaimedMail
from services.notification.delivery.severity import RESOLVING_REPLY, REVISION
from services.notification.delivery.status import TOLD_WITH_WORSE, DeliveryStatus
from services.notification.delivery.templates import TemplateName
from services.notification.models import Delivery
from services.notification.models.csat import ASKED
from shared.kit.db import Session

CLOCK_MAILS = (TemplateName.SLA_WARNED, TemplateName.SLA_BREACHED)
"""Of these the worst is told whatever brought them; the rest are one mail only if one command or moment did."""
TOLD_WITH_REPLY = (TemplateName.RESOLVED, TemplateName.FOLLOWER_RESOLVED)
"""What a reply that resolves its ticket tells as well."""
SOON = timedelta(seconds=10)
"""A mail that is due later than that is not waited for."""
MOMENT = timedelta(seconds=1)
"""How far apart the steps of one command arrive at most."""


def is_worst() -> ColumnElement[bool]:
    """Whether no more severe mail to the same person about the same ticket waits to be sent.

    A refused mail that waits for its next attempt holds nothing up, nor does one that waits for hours or a digest.
    """
    worse = aliased(Delivery)
    found = select(worse.id).where(
        worse.ticket_id == Delivery.ticket_id,
        worse.address == Delivery.address,
        worse.status == DeliveryStatus.QUEUED,
        worse.attempts == 0,
        worse.next_attempt_at <= func.now() + SOON,
        or_(
            (worse.weight == RESOLVING_REPLY) & Delivery.template.in_(TOLD_WITH_REPLY),
            and_(
                worse.weight < RESOLVING_REPLY,
                or_(worse.weight > Delivery.weight, and_(worse.weight == Delivery.weight, worse.id > Delivery.id)),
                or_(
                    worse.template.in_(CLOCK_MAILS) & Delivery.template.in_(CLOCK_MAILS),
                    and_(
                        worse.facts[REVISION] == Delivery.facts[REVISION],
                        worse.created_at.between(Delivery.created_at - MOMENT, Delivery.created_at + MOMENT),
                    ),
                ),
            ),
        ),
    )
    return or_(_is_sent_alone(), ~found.exists())


def _is_sent_alone() -> ColumnElement[bool]:
    is_never_told_by_another = Delivery.weight.is_(None) & Delivery.template.not_in(TOLD_WITH_REPLY)
    return or_(is_never_told_by_another, Delivery.weight == RESOLVING_REPLY)


async def take_lesser(session: Session, claimed: Sequence[ClaimedMail]) -> None:
    """Drops mails covered by the claimed ones, and adds them to the text of those."""
    worst = [one for one in claimed if one.weight is not None]
    if not worst:
        return
    lesser = select(Delivery).where(
        tuple_(Delivery.ticket_id, Delivery.address).in_({(one.ticket_id, one.address) for one in worst}),
        Delivery.status == DeliveryStatus.QUEUED,
    )
    rows = list((await session.scalars(lesser.order_by(Delivery.id).with_for_update(skip_locked=True))).all())
    taken: list[Delivery] = []
    for one in reversed(worst):
        theirs = [row for row in rows if _tells(one, row)]
        if theirs:
            one.tell({"also": _others(one, theirs)})
            taken.extend(theirs)
            rows = [row for row in rows if row not in theirs]
    if taken:
        await session.execute(
            update(Delivery)
            .where(Delivery.id.in_([row.id for row in taken]))
            .values(status=DeliveryStatus.DROPPED, next_attempt_at=None, last_error=TOLD_WITH_WORSE, facts={})
        )


def _tells(worst: ClaimedMail, row: Delivery) -> bool:
    """Whether a mail being sent covers one that is not; the same rule as `is_worst`."""
    if (row.ticket_id, row.address) != (worst.ticket_id, worst.address) or worst.weight is None:
        return False
    if worst.weight == RESOLVING_REPLY:
        return row.template in TOLD_WITH_REPLY
    if row.weight is None or row.weight > worst.weight:
        return False
    are_clocks = worst.template in CLOCK_MAILS and row.template in CLOCK_MAILS
    is_same_action = row.facts.get(REVISION) == worst.facts.get(REVISION) is not None
    return are_clocks or (is_same_action and abs(row.created_at - worst.created_at) <= MOMENT)


def _others(worst: ClaimedMail, rows: Iterable[Delivery]) -> list[dict[str, Any]]:
    """Returns what else happened: the most severe event of every other clock, other steps, and status changes.

    The mail's own clock is not repeated.
    """
    named = {_place(one): one for one in worst.facts.get("also", [])}
    for row in sorted(rows, key=lambda row: row.weight or 0):
        told = {"kind": row.template} | {
            name: row.facts[name] for name in ("metric", "percent", "step", "do", ASKED) if name in row.facts
        }
        named[_place(told)] = told
    named.pop(_clock(worst.facts), None)
    return list(named.values())


def _clock(told: dict[str, Any]) -> tuple[object, ...]:
    return "clock", told.get("metric")


def _place(told: dict[str, Any]) -> tuple[object, ...]:
    """Returns the key under which only the last event is reported: a clock, an escalation step, or a status."""
    kind = told.get("kind")
    if kind is None or kind in CLOCK_MAILS:
        return _clock(told)
    return kind, told.get("metric"), told.get("step")
