"""What events change here, in one statement: where tickets stand, what agents wrote, what requesters may learn."""

import typing
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CTE,
    BigInteger,
    ColumnElement,
    Integer,
    Table,
    TableValuedAlias,
    Uuid,
    any_,
    bindparam,
    case,
    cast,
    column,
    func,
    literal,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, insert

from services.intake.models import Message, Ticket, TimelineEntry
from shared.contracts.base import TicketId
from shared.contracts.events import LifecycleEvent, MessagePosted
from shared.contracts.tickets import TicketSnapshot
from shared.contracts.vocabulary import ActorKind
from shared.kit.db import Database
from shared.kit.tables import inbox

TICKETS, MESSAGES, TIMELINE = (typing.cast("Table", each.__table__) for each in (Ticket, Message, TimelineEntry))
CONSUMER = "intake"
OPENED, MESSAGE = "opened", "message"
PROJECTED = (
    "status",
    "priority",
    "seq",
    "revision",
    "resolved_at",
    "closed_at",
    "is_archived",
    "updated_at",
    "merged_into",
)
REPLY = (
    *("id", "ticket_id", "author_kind", "author_name", "body", "body_format", "quoted", "channel", "received_at"),
    "is_automatic",
)
ENTRY = ("ticket_id", "source", "kind", "at", "actor", "message_id", "status", "revision")

Row = dict[str, Any]


@dataclass(slots=True)
class EventEffects:
    """Everything a batch of events changes, as rows of JSON values."""

    snapshots: dict[TicketId, TicketSnapshot] = field(default_factory=dict)
    replies: list[Row] = field(default_factory=list)
    entries: list[Row] = field(default_factory=list)

    def stand(self, snapshot: TicketSnapshot) -> None:
        """A ticket's newest standing wins."""
        known = self.snapshots.get(snapshot.ticket_id)
        if known is None or known.seq < snapshot.seq:
            self.snapshots[snapshot.ticket_id] = snapshot

    def reply(self, posted: MessagePosted) -> None:
        """What an agent or a program of ours wrote, once: requesters are told no difference.

        One for a ticket we do not know, or have erased, is dropped.
        """
        said = posted.model_dump(mode="json", include={*REPLY, "message_id"})
        author = {"author_kind": ActorKind.AGENT, "author_name": posted.author.name}
        self.replies.append(said | author | {"id": said.pop("message_id")})

    def tell_step(self, event_id: str, event: LifecycleEvent) -> None:
        """A line of the timeline about a step of the ticket's life, with the standing after it."""
        after = {"status": event.snapshot.status, "revision": event.snapshot.revision}
        kind = event.event_name.removeprefix("ticket.")
        self._tell(event.ticket_id, event_id, kind, at=event.at, actor=_shown(event.actor.kind), **after)

    def tell_message(self, event_id: str, posted: MessagePosted) -> None:
        """A line about a message, with the ticket's standing when it came."""
        standing = self.snapshots.get(posted.ticket_id)
        then = {"status": standing.status, "revision": standing.revision, "seq": standing.seq} if standing else {}
        said = {"at": posted.received_at, "actor": _shown(posted.author.kind), "message_id": str(posted.message_id)}
        self._tell(posted.ticket_id, event_id, MESSAGE, source=str(posted.message_id), **said, **then)

    def _tell(self, ticket_id: UUID, event_id: str, kind: str, **values: Any) -> None:
        line = {"ticket_id": str(ticket_id), "event_id": event_id, "source": event_id, "kind": kind, **values}
        self.entries.append(line | {"at": values["at"].isoformat(), "position": len(self.entries)})

    @property
    def ticket_ids(self) -> list[UUID]:
        """The tickets it is about."""
        ids = {*self.snapshots, *(UUID(row["ticket_id"]) for row in (*self.replies, *self.entries))}
        return sorted(ids)

    def parameters(self) -> dict[str, Any]:
        """What `APPLY` is executed with."""
        fields = {"ticket_id", *PROJECTED}
        return {
            "tickets": self.ticket_ids,
            "snapshots": [one.model_dump(mode="json", include=fields) for one in self.snapshots.values()],
            "replies": self.replies,
            "entries": self.entries,
        }


def _shown(actor: ActorKind) -> ActorKind:
    """Requesters read that we did it, and not whether a person or a program of ours did."""
    return ActorKind.AGENT if actor.is_ours else actor


def _rows(name: str, table: Table, names: Iterable[str], *others: ColumnElement[Any]) -> TableValuedAlias:
    """A parameter's JSON objects as rows, each value of the type that the column of that name has."""
    columns = [*(column(each, table.c[each].type) for each in names), *others]
    values = cast(bindparam(name, type_=JSONB), JSONB)
    return func.jsonb_to_recordset(values).table_valued(*columns).render_derived(name, with_types=True)


def _held() -> CTE:
    """The tickets we know, locked in the order of their ids, so that two of us cannot deadlock.

    Held until the end: that is what keeps the ids of a ticket's lines in the order in which they become visible.
    """
    wanted = TICKETS.c.id == any_(cast(bindparam("tickets", type_=ARRAY(Uuid)), ARRAY(Uuid)))
    columns = (TICKETS.c.id, TICKETS.c.status, TICKETS.c.revision, TICKETS.c.seq, TICKETS.c.erased_at)
    return select(*columns).where(wanted).order_by(TICKETS.c.id).with_for_update(key_share=True).cte("held")


def _projected(held: CTE) -> CTE:
    """Applied only if newer, so duplicates and reordering do no harm. A ticket intake does not know is none of ours."""
    rows = _rows("snapshots", TICKETS, PROJECTED, column("ticket_id", Uuid))
    is_newer = (TICKETS.c.id == held.c.id, held.c.id == rows.c.ticket_id, TICKETS.c.seq < rows.c.seq)
    changes = {name: rows.c[name] for name in PROJECTED}
    return update(TICKETS).where(*is_newer).values(changes).returning(TICKETS.c.id).cte("projected")


def _replied(held: CTE) -> CTE:
    rows = _rows("replies", MESSAGES, REPLY)
    written = select(*(rows.c[name] for name in REPLY)).join(held, held.c.id == rows.c.ticket_id)
    statement = insert(MESSAGES).from_select(REPLY, written.where(held.c.erased_at.is_(None)))
    return statement.on_conflict_do_nothing().returning(MESSAGES.c.id).cte("replied")


def _first_message(ticket_id: ColumnElement[UUID]) -> ColumnElement[UUID]:
    """What a new ticket began with: it comes with the ticket, not as a message of its own."""
    oldest = select(MESSAGES.c.id).where(MESSAGES.c.ticket_id == ticket_id)
    return oldest.order_by(MESSAGES.c.received_at, MESSAGES.c.id).limit(1).scalar_subquery()


def _told(held: CTE) -> Any:
    """Lines that are not there yet. What an earlier version had told is in the inbox, and not told again."""
    names = [name for name in ENTRY if name not in ("status", "revision")]
    rows = _rows(
        "entries",
        TIMELINE,
        ENTRY,
        column("event_id", inbox.c.event_id.type),
        column("seq", Integer),
        column("position", BigInteger),
    )
    is_later = func.coalesce(rows.c.seq > held.c.seq, rows.c.kind != MESSAGE)
    standing = {name: case((is_later, rows.c[name]), else_=held.c[name]) for name in ("status", "revision")}
    first = case((rows.c.kind == OPENED, _first_message(rows.c.ticket_id)), else_=rows.c.message_id)
    values = {name: rows.c[name] for name in names} | {"message_id": first} | standing
    is_told = select(literal(1)).where(inbox.c.consumer == CONSUMER, inbox.c.event_id == rows.c.event_id)
    written = select(*(values[name] for name in ENTRY)).select_from(rows.join(held, held.c.id == rows.c.ticket_id))
    written = written.where(~is_told.exists(), true()).order_by(rows.c.position)
    statement = insert(TIMELINE).from_select(ENTRY, written).on_conflict_do_nothing()
    return statement.returning(TIMELINE.c.ticket_id)


def _statement() -> Any:
    held = _held()
    return _told(held).add_cte(_projected(held), _replied(held))


APPLY = _statement()
"""Locks, projects, keeps what agents wrote and tells requesters; returns the tickets with something new to tell."""


async def apply_effects(database: Database, effects: EventEffects) -> set[UUID]:
    """Applies them, each once however often it is tried; returns the tickets of which something new is told."""
    return {told for [told] in await database.fetch(APPLY, effects.parameters())}


async def project(database: Database, snapshots: Sequence[TicketSnapshot]) -> None:
    """Brings tickets to their newest snapshots; an older one changes nothing."""
    effects = EventEffects()
    for snapshot in snapshots:
        effects.stand(snapshot)
    await apply_effects(database, effects)
