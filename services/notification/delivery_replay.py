"""Deliveries sent again, by id or by range.

Only what was not sent can be sent again: a delivery keeps what it says until it is sent, dropped or erased, and no
longer. What was sent is told again by the person who has something to say; events to programs are kept longer, and
webhooks have a replay of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import ColumnElement, Row, Select, String, cast, func, literal, or_, select, update

from services.notification.delivery.channels import DeliveryChannel
from services.notification.delivery.status import DeliveryStatus
from services.notification.models import IS_NOT_SENT, Delivery, NotificationTarget
from services.notification.recipient_addresses import standings_of
from services.notification.targets.alerts import RECIPIENT
from services.notification.targets.retirement import SWITCHED_OFF
from shared.contracts.described_models import DescribedModel
from shared.kit.administrator_passes import Administrator
from shared.kit.clock import new_id
from shared.kit.configuration_changes import record_change
from shared.kit.db import Session
from shared.kit.http.inputs import Flag, Input, WrittenInstant
from shared.kit.http.problems import invalid

MOST = 10_000
"""Deliveries of one replay."""
REASONS = {
    DeliveryStatus.SENT: "sent: what it said is not kept",
    DeliveryStatus.DROPPED: "dropped: what it said is not kept",
    DeliveryStatus.EXPANDED: "replaced by a delivery to each person",
    DeliveryStatus.WAITING: "its recipient is not known yet: it is sent by itself",
    DeliveryStatus.SENDING: "being sent",
}
UNKNOWN = "there is no such delivery"
BOUNCING = "mail to this address comes back: clear that first"
NO_TARGET = SWITCHED_OFF


class ReplayDeliveries(Input):
    """Which deliveries to send again: those named by id, or all that failed, or wait, within a range."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"since": "2026-11-24T09:00:00Z", "until": "2026-11-24T10:00:00Z", "channel": "mail", "dry_run": True}
            ]
        }
    )

    ids: Annotated[tuple[UUID, ...], Field(min_length=1, max_length=1000)] | None = None
    """By id; then nothing else is given but `dry_run`."""
    status: DeliveryStatus = DeliveryStatus.FAILED
    """`failed`, or `queued` for those that wait for their next attempt; of others nothing is left to send."""
    channel: DeliveryChannel | None = None
    """Only this channel; an inbox cannot fail."""
    target_id: UUID | None = None
    """Only this chat room or on-call service."""
    since: WrittenInstant | None = None
    """Decided at this instant or later."""
    until: WrittenInstant | None = None
    """Not included."""
    dry_run: Flag = False
    """Only count."""

    @model_validator(mode="after")
    def _ids_or_a_range(self) -> "ReplayDeliveries":
        if self.ids is not None and self.model_fields_set - {"ids", "dry_run"}:
            raise ValueError("give either ids or a range")
        return self


class RefusedReplay(BaseModel):
    """A delivery that is not sent again, and why."""

    id: UUID
    reason: str


class DeliveryReplayResult(DescribedModel):
    """What is sent again."""

    count: int
    """Deliveries queued, or that would be; at most 10,000 at once: ask again for the rest."""
    refused: list[RefusedReplay]
    """Those that are not, the first 100."""
    refused_count: int
    is_more: bool
    """Whether the range holds more than were looked at."""


@dataclass(frozen=True, slots=True)
class _Found:
    """Deliveries that may be replayed, and those that may not."""

    ids: Sequence[UUID]
    refused: Sequence[RefusedReplay]
    is_more: bool = False


async def replay_deliveries(session: Session, by: Administrator, wanted: ReplayDeliveries) -> DeliveryReplayResult:
    """Queues deliveries again under their Message-IDs, with an entry in the audit log; a dry run only counts.

    Raises Problem 422 for a state of which nothing can be sent again.
    """
    found = await (_by_id(session, wanted.ids) if wanted.ids is not None else _by_range(session, wanted))
    if found.ids and not wanted.dry_run:
        await _queue(session, found.ids)
        told = wanted.model_dump(mode="json", exclude={"dry_run"}, exclude_unset=True)
        subject = ("delivery-replay", str(new_id()), "Deliveries sent again")
        await record_change(session, by, subject, None, told | {"count": len(found.ids)})
    return DeliveryReplayResult(
        count=len(found.ids),
        refused=list(found.refused[:100]),
        refused_count=len(found.refused),
        is_more=found.is_more,
    )


async def _queue(session: Session, ids: Sequence[UUID]) -> None:
    """Attempts go on counting: each failure has a number of its own."""
    again = {"status": DeliveryStatus.QUEUED, "next_attempt_at": func.now(), "last_error": None, "begun": 0}
    await session.execute(update(Delivery).where(Delivery.id.in_(ids)).values(again))


async def _by_id(session: Session, ids: Sequence[UUID]) -> _Found:
    rows = (await session.execute(_candidates().where(Delivery.id.in_(ids)))).all()
    known = {row.id for row in rows}
    unknown = [RefusedReplay(id=one, reason=UNKNOWN) for one in dict.fromkeys(ids) if one not in known]
    settled = [row for row in rows if row.status in REASONS]
    refused = [RefusedReplay(id=row.id, reason=REASONS[DeliveryStatus(row.status)]) for row in settled]
    found = await _sendable(session, [row for row in rows if row.status not in REASONS])
    return _Found(found.ids, [*unknown, *refused, *found.refused])


async def _by_range(session: Session, wanted: ReplayDeliveries) -> _Found:
    if wanted.status in REASONS:
        raise invalid("/status", f"cannot be sent again: {REASONS[wanted.status]}")
    query = _candidates().where(IS_NOT_SENT, Delivery.status == wanted.status, *_within(wanted)).limit(MOST + 1)
    rows = (await session.execute(query)).all()
    found = await _sendable(session, rows[:MOST])
    return _Found(found.ids, found.refused, is_more=len(rows) > MOST)


def _within(wanted: ReplayDeliveries) -> list[ColumnElement[bool]]:
    since: datetime | None = wanted.since
    until: datetime | None = wanted.until
    conditions: list[ColumnElement[bool]] = []
    if wanted.channel is not None:
        conditions.append(Delivery.channel == wanted.channel)
    if wanted.target_id is not None:
        conditions.append(Delivery.recipient == f"{RECIPIENT}{wanted.target_id}")
    if since is not None:
        conditions.append(Delivery.created_at >= since)
    if until is not None:
        conditions.append(Delivery.created_at < until)
    return conditions


def _candidates() -> Select[*tuple[Any, ...]]:
    """Selects deliveries in the order of their ids, locked; what a sender holds is left to it."""
    target_key = literal(RECIPIENT) + cast(NotificationTarget.id, String)
    target = select(NotificationTarget.id).where(target_key == Delivery.recipient, NotificationTarget.is_active)
    can_arrive = or_(Delivery.channel == DeliveryChannel.MAIL, target.exists()).label("can_arrive")
    columns = (Delivery.id, Delivery.status, Delivery.channel, Delivery.address, can_arrive)
    return select(*columns).order_by(Delivery.id).with_for_update(of=Delivery, skip_locked=True)


async def _sendable(session: Session, rows: Sequence[Row[*tuple[Any, ...]]]) -> _Found:
    """Leaves out mail that would come back, and messages to nowhere."""
    standings = await standings_of(session, {row.address for row in rows if row.address})
    bouncing = {address for address, standing in standings.items() if standing.is_bouncing}
    reasons = {row.id: NO_TARGET if not row.can_arrive else BOUNCING for row in rows if _is_lost(row, bouncing)}
    refused = [RefusedReplay(id=one, reason=reason) for one, reason in reasons.items()]
    return _Found([row.id for row in rows if row.id not in reasons], refused)


def _is_lost(row: Row[*tuple[Any, ...]], bouncing: set[str]) -> bool:
    return not row.can_arrive or row.address in bouncing
