"""Removes the data of erased people from the feed; that something happened, and when, stays."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select, text, update

from services.notification.models.event_feed import feed_events
from shared.contracts.events import EVENTS, Envelope, LifecycleEvent, RequesterChanged, RequesterErased, TicketErased
from shared.contracts.events.side_conversations import is_beside, side_event_id
from shared.kit.db import Session
from shared.kit.requester_ids import RequesterIds

_MARK = text("""
insert into feed_tickets (ticket_id, erased_at)
select cast(one as uuid), now() from unnest(cast(:tickets as text[])) as one order by 1
on conflict (ticket_id) do update set erased_at = now()
""")
_KEPT = frozenset(
    event.type() for event in EVENTS.values() if issubclass(event, (LifecycleEvent, TicketErased, RequesterErased))
)
"""They hold ids, instants and kinds alone."""


def holds_personal_data(event_type: str) -> bool:
    """Whether events of a type hold more than ids, instants and kinds."""
    return event_type not in _KEPT


def without_data(envelope: Envelope) -> str:
    """Returns the envelope as JSON with nothing in it but which ticket it was about."""
    ticket = envelope.data.get("ticket_id")
    data: dict[str, Any] = {"redacted": True} | ({"ticket_id": ticket} if ticket else {})
    return envelope.model_copy(update={"data": data}).model_dump_json()


class FeedEraser:
    """Applies erasures to the events that the feed holds."""

    def __init__(self, ids: RequesterIds) -> None:
        self._ids = ids

    async def erase_for(self, session: Session, envelopes: Iterable[Envelope]) -> None:
        """Redacts what the erasures among the events call for."""
        for envelope in envelopes:
            if envelope.type == TicketErased.type():
                await self._erase_tickets(session, [TicketErased.of(envelope).ticket_id])
            elif envelope.type == RequesterErased.type():
                await self._erase_requester(session, RequesterErased.of(envelope))

    async def _erase_requester(self, session: Session, event: RequesterErased) -> None:
        await self._erase_tickets(session, event.ticket_ids)
        theirs = (feed_events.c.entity_id == event.requester_id, feed_events.c.type == RequesterChanged.type())
        await self._redact(session, list(await session.scalars(select(feed_events.c.envelope).where(*theirs))))
        others = feed_events.c.ticket_id.in_(event.took_part_in), feed_events.c.type.not_in(_KEPT)
        found = await session.scalars(select(feed_events.c.envelope).where(*others))
        for envelope in map(Envelope.model_validate_json, found):
            if self._names(envelope, event.requester_id):
                await self._store(session, envelope.id, without_data(envelope))
            elif (fewer := self._without_copies_to(envelope, event.requester_id)) is not None:
                await self._store(session, envelope.id, fewer)
        if event.side_message_ids:
            await self._erase_beside(session, event.side_message_ids)

    async def _erase_beside(self, session: Session, message_ids: Sequence[UUID]) -> None:
        """What was written to and by a third party beside others' tickets, and what became of the mails."""
        told = feed_events.c.event_id.in_([side_event_id(message_id) for message_id in message_ids])
        tickets = select(feed_events.c.ticket_id).where(told)
        others = feed_events.c.ticket_id.in_(tickets), feed_events.c.type.not_in(_KEPT)
        found = await session.scalars(select(feed_events.c.envelope).where(*others))
        ids = {str(message_id) for message_id in message_ids}
        await self._redact(session, [one for one in found if is_beside(Envelope.model_validate_json(one).data, ids)])

    async def _erase_tickets(self, session: Session, tickets: Sequence[UUID]) -> None:
        if not tickets:
            return
        await session.execute(_MARK, {"tickets": [str(ticket) for ticket in tickets]})
        about = feed_events.c.ticket_id.in_(tickets), feed_events.c.type.not_in(_KEPT)
        await self._redact(session, list(await session.scalars(select(feed_events.c.envelope).where(*about))))

    async def _redact(self, session: Session, envelopes: Sequence[str]) -> None:
        for one in map(Envelope.model_validate_json, envelopes):
            await self._store(session, one.id, without_data(one))

    async def _store(self, session: Session, event_id: str, envelope: str) -> None:
        await session.execute(update(feed_events).where(feed_events.c.event_id == event_id).values(envelope=envelope))

    def _names(self, envelope: Envelope, requester_id: UUID) -> bool:
        """Whether the event is of the requester: theirs is the `email` of somebody in it."""
        return any(self._ids.of(address) == requester_id for address in _addresses_in(envelope.data))

    def _without_copies_to(self, envelope: Envelope, requester_id: UUID) -> str | None:
        """Returns the envelope of another's submission without the requester's address; None if that is not in copy."""
        copied = envelope.data.get("cc")
        if not isinstance(copied, list):
            return None
        kept = [one for one in copied if not (isinstance(one, str) and self._ids.of(one) == requester_id)]
        if len(kept) == len(copied):
            return None
        return envelope.model_copy(update={"data": envelope.data | {"cc": kept}}).model_dump_json()


def _addresses_in(value: Any) -> Iterator[str]:
    """Yields the values of all fields called `email`."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "email" and isinstance(inner, str):
                yield inner
            else:
                yield from _addresses_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _addresses_in(inner)
