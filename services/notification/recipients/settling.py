"""Settles decisions: who gets each, by which channel, or why nobody is told; at once where all is known."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Row, Table, Update, update

from services.notification.csat.asking import ask_for_ratings
from services.notification.decisions.event_rules import NotificationDecision
from services.notification.decisions.fallback_recipients import find_fallback_recipients
from services.notification.delivery.channels import DeliveryChannel
from services.notification.delivery.status import DeliveryStatus
from services.notification.models import Delivery
from services.notification.recipient_addresses import standings_of
from services.notification.recipients.channel_choice import OTHERWISE, ChannelChoice, ChannelRules
from services.notification.recipients.delivery_repository import (
    insert_rows,
    mail_id_of,
    record_all,
    waiting_row,
    with_message_id,
)
from services.notification.recipients.inbox_entries import entry_of
from services.notification.recipients.recipient_expansion import expand
from services.notification.recipients.settleable_rows import given_rows, waiting_rows
from services.notification.recipients.settlement import Settlement, audience_of, settlement_of
from services.notification.recipients.unsent_side_mails import announce_unsent
from services.notification.record_sets import ROWS, record_set
from services.notification.rules.matrix import Matrix
from services.notification.rules.repository import load_matrix
from services.notification.settings import UnassignedMessagesTo
from shared.contracts.base import TicketId
from shared.kit.auth import MailThreads
from shared.kit.clock import utc_now
from shared.kit.db import Session

LedgerRow = Row[*tuple[Any, ...]]
TOGETHER = timedelta(seconds=2)
"""How long a mail that has a weight waits for other mails of that moment; see `delivery.consolidation`."""
DELIVERIES = cast(Table, Delivery.__table__)
SETTLED = (
    *("id", "status", "agent_id", "address", "name", "message_id", "last_error", "next_attempt_at"),
    *("bundle", "sent_at", "facts"),
)


def _settlement_update() -> Update:
    given = record_set(DELIVERIES, SETTLED)
    return update(DELIVERIES).values({name: given.c[name] for name in SETTLED[1:]}).where(DELIVERIES.c.id == given.c.id)


SETTLE = _settlement_update()
"""Built once, so that its compiled form is found again."""


@dataclass(frozen=True, slots=True)
class RecordedDecisions:
    """What became of a batch's decisions."""

    settled: int = 0
    are_some_waiting: bool = False
    """Whether some wait for `resolve_recipients`."""


@dataclass(frozen=True, slots=True)
class SettledRows:
    """Rows, the values that each gets, and further rows for other channels."""

    pairs: Sequence[tuple[LedgerRow, dict[str, Any]]]
    others: Mapping[UUID, Sequence[Mapping[str, Any]]]
    """By the id of the row that they are beside."""

    def beside(self, ids: set[UUID]) -> list[Mapping[str, Any]]:
        """Returns the further rows of these."""
        return [other for one, others in self.others.items() if one in ids for other in others]


async def record_decisions(
    session: Session, decisions: Sequence[tuple[str, NotificationDecision]], threads: MailThreads, matrix: Matrix
) -> RecordedDecisions:
    """Inserts the decisions of a batch, each with the id of its event; a redelivered event inserts nothing.

    One whose ticket and people are known is settled before, and written once instead of twice. Those wait that need a
    fallback recipient or are for several, and those about a breach, which may be withdrawn in the same batch.
    """
    if not decisions:
        return RecordedDecisions()
    rows = [waiting_row(cause, decision) for cause, decision in decisions]
    given = [row for row in rows if row["about"] is None]
    known = (await session.execute(given_rows(), {ROWS: given})).all() if given else []
    settlements = [(row, settlement_of(row)) for row in known]
    final = [pair for pair in settlements if not pair[1].is_passed_on]
    found = await _settled_rows(session, threads, matrix, final) if final else SettledRows([], {})
    values = {settled["id"]: settled for _, settled in found.pairs}
    written = [row | values[row["id"]] if row["id"] in values else with_message_id(row, threads) for row in rows]
    inserted = await insert_rows(session, written)
    await announce_unsent(session, [pair for pair in found.pairs if pair[0].id in inserted])
    await insert_rows(session, found.beside(inserted))
    return RecordedDecisions(len(found.pairs), len(found.pairs) < len(rows))


async def resolve_recipients(
    session: Session, threads: MailThreads, unassigned_to: UnassignedMessagesTo = "members"
) -> int:
    """Settles every waiting row whose ticket and people are known; returns how many it read.

    Tickets and people may be announced after the event that needs them, so this runs after batches and in the sweep.
    Fallback recipients are known and active, so their rows are settled by the second round at the latest.
    """
    await expand(session, threads)
    count, is_complete = 0, False
    while not is_complete:
        rows = (await session.execute(waiting_rows())).all()
        count += len(rows)
        is_complete = not rows or not await _settle(session, threads, rows, unassigned_to)
    return count


async def _settle(
    session: Session, threads: MailThreads, rows: Sequence[LedgerRow], unassigned_to: UnassignedMessagesTo
) -> bool:
    """Settles one round of waiting rows; True if it added rows for fallback recipients."""
    with_settlements = [(row, settlement_of(row)) for row in rows]
    passed_on = [row for row, settlement in with_settlements if settlement.is_passed_on]
    fallbacks = await find_fallback_recipients(session, passed_on, unassigned_to)
    each = [(row.cause, decision) for row in passed_on for decision in fallbacks.get(row.id, [])]
    await record_all(session, each, threads)
    found = await _settled_rows(session, threads, await load_matrix(session), with_settlements, fallbacks)
    await (await session.connection()).execute(SETTLE, {ROWS: [values for _, values in found.pairs]})
    await announce_unsent(session, found.pairs)
    await insert_rows(session, found.beside({row.id for row in rows}))
    return bool(fallbacks)


async def _settled_rows(
    session: Session,
    threads: MailThreads,
    matrix: Matrix,
    settlements: Sequence[tuple[LedgerRow, Settlement]],
    with_fallback: Collection[UUID] = (),
) -> SettledRows:
    """Chooses the channels of rows whose recipients are settled; asks in some of them how satisfied their reader is."""
    addresses = {settlement.address for _, settlement in settlements if settlement.address}
    rules = ChannelRules(matrix, await standings_of(session, addresses), utc_now())
    pairs: list[tuple[LedgerRow, dict[str, Any]]] = []
    others: dict[UUID, list[dict[str, Any]]] = {}
    for row, settlement in settlements:
        choice = rules.choose(row, settlement.address) if settlement.address else ChannelChoice()
        values = _settled(row, settlement, choice, threads, has_fallback=row.id in with_fallback)
        pairs.append((row, values))
        if settlement.address:
            others[row.id] = _others(row, choice, values)
    await ask_for_ratings(session, pairs)
    return SettledRows(pairs, others)


def _settled(
    row: LedgerRow,
    settlement: Settlement,
    choice: ChannelChoice,
    threads: MailThreads,
    *,
    has_fallback: bool,
) -> dict[str, Any]:
    mail_id = mail_id_of(row.cause, row.recipient, row.template)
    is_entry = row.channel == DeliveryChannel.INBOX
    unsent = None if choice.is_in_inbox else choice.reason or OTHERWISE
    reason = settlement.dropped_because or (unsent if is_entry else choice.reason)
    is_dropped = reason is not None
    due_at = choice.held_until or utc_now() + (TOGETHER if row.weight is not None else timedelta())
    if settlement.is_passed_on and not has_fallback:
        reason = f"{reason}, and nobody else who can act is"
    status = DeliveryStatus.DROPPED if is_dropped else DeliveryStatus.SENT if is_entry else DeliveryStatus.QUEUED
    return {
        "id": str(row.id),
        "status": (DeliveryStatus.EXPANDED if has_fallback else status).value,
        "agent_id": str(row.known_agent_id) if row.known_agent_id else None,
        "address": settlement.address,
        "name": settlement.name,
        "message_id": threads.message_id(
            TicketId(row.ticket_id), mail_id, audience_of(row.recipient), settlement.address or ""
        ),
        "last_error": reason,
        "next_attempt_at": None if is_dropped or is_entry else due_at.isoformat(),
        "bundle": choice.bundle,
        "sent_at": utc_now().isoformat() if is_entry and not is_dropped else None,
        "facts": {} if is_dropped else row.facts | ({"author": row.author_name} if row.author_name else {}),
    }


def _others(row: LedgerRow, choice: ChannelChoice, settled: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Returns the rows for channels beside the row's own: an inbox entry, or a mail that the agent asked for."""
    if row.channel == DeliveryChannel.MAIL:
        return [entry_of(row)] if choice.is_in_inbox else []
    if not choice.is_mailed:
        return []
    due_at = choice.held_until or utc_now()
    return [
        entry_of(row)
        | {name: settled[name] for name in ("address", "message_id", "bundle")}
        | {
            "channel": DeliveryChannel.MAIL.value,
            "facts": row.facts,
            "status": DeliveryStatus.QUEUED.value,
            "next_attempt_at": due_at.isoformat(),
            "sent_at": None,
        }
    ]
