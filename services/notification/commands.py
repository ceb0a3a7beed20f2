"""Changes to ledger rows that exist: resolving their recipients, and an operator's retry."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cache
from typing import Any, cast
from uuid import UUID

from sqlalchemy import (
    Exists,
    Row,
    ScalarSelect,
    Select,
    Table,
    Update,
    Uuid,
    and_,
    case,
    false,
    func,
    not_,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.orm import aliased

from services.notification.csat.asking import ask_for_ratings
from services.notification.decisions.event_rules import (
    ALREADY_NOTIFIED,
    DONE_BY,
    MERGED_INTO,
    PARTICIPANT,
    REQUESTER,
    SIDE,
    TEAM,
    WRITTEN_BY,
    Recipient,
)
from services.notification.decisions.fallback_recipients import find_fallback_recipients
from services.notification.delivery.channels import DeliveryChannel
from services.notification.delivery.status import DeliveryStatus
from services.notification.delivery.templates import TemplateName
from services.notification.models import IS_WAITING, Agent, Delivery, NotificationPreferences, Participant, Team, Ticket
from services.notification.recipient_addresses import standings_of
from services.notification.recipients.channel_choice import OTHERWISE, STORM_WINDOW, ChannelChoice, ChannelRules
from services.notification.recipients.delivery_repository import mail_id_of, record_all
from services.notification.recipients.inbox_entries import add_others, entry_of
from services.notification.recipients.recipient_expansion import expand
from services.notification.recipients.settlement import Settlement, audience_of, settlement_of
from services.notification.recipients.ticket_visibility import asks_for_sight, is_in_sight, is_sight_known
from services.notification.recipients.unsent_side_mails import announce_unsent
from services.notification.record_sets import ROWS, record_set
from services.notification.rules.repository import load_matrix
from services.notification.settings import UnassignedMessagesTo
from shared.contracts.base import TicketId
from shared.kit.administrator_passes import Administrator
from shared.kit.auth import MailThreads
from shared.kit.clock import utc_now
from shared.kit.configuration_changes import record_change
from shared.kit.db import Session
from shared.kit.http.problems import Problem, not_found

SETTLE_AT_ONCE = 500
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


async def resolve_recipients(
    session: Session, threads: MailThreads, unassigned_to: UnassignedMessagesTo = "members"
) -> int:
    """Resolves the recipient of every waiting row whose ticket and people are known; returns how many it read.

    Tickets and people may be announced after the event that needs them, so this runs after each batch and in the sweep.
    Fallback recipients are known and active, so their rows are resolved by the second round at the latest.
    """
    await expand(session, threads)
    count, is_complete = 0, False
    while not is_complete:
        rows = (await session.execute(_settleable())).all()
        count += len(rows)
        is_complete = not await _settle(session, threads, rows, unassigned_to)
    return count


async def _settle(
    session: Session,
    threads: MailThreads,
    rows: Sequence[Row[*tuple[Any, ...]]],
    unassigned_to: UnassignedMessagesTo,
) -> bool:
    """Resolves one round of rows; True if it added rows for fallback recipients."""
    if not rows:
        return False
    settlements = [settlement_of(row) for row in rows]
    passed_on = [row for row, settlement in zip(rows, settlements, strict=True) if settlement.is_passed_on]
    fallbacks = await find_fallback_recipients(session, passed_on, unassigned_to)
    each = [(row.cause, decision) for row in passed_on for decision in fallbacks.get(row.id, [])]
    await record_all(session, each, threads)
    rules = ChannelRules(
        await load_matrix(session),
        await standings_of(session, {settlement.address for settlement in settlements if settlement.address}),
        utc_now(),
    )
    values, others = [], []
    for row, settlement in zip(rows, settlements, strict=True):
        choice = rules.choose(row, settlement.address) if settlement.address else ChannelChoice()
        values.append(_settled(row, settlement, choice, threads, has_fallback=row.id in fallbacks))
        if settlement.address:
            others += _others(row, choice, values[-1])
    await ask_for_ratings(session, list(zip(rows, values, strict=True)))
    await (await session.connection()).execute(SETTLE, {ROWS: values})
    await announce_unsent(session, zip(rows, values, strict=True))
    await add_others(session, others)
    return bool(fallbacks)


def _settled(
    row: Row[*tuple[Any, ...]],
    settlement: Settlement,
    choice: ChannelChoice,
    threads: MailThreads,
    *,
    has_fallback: bool,
) -> dict[str, Any]:
    mail_id = mail_id_of(row.cause, Recipient(row.recipient), TemplateName(row.template))
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


def _others(row: Row[*tuple[Any, ...]], choice: ChannelChoice, settled: Mapping[str, Any]) -> list[dict[str, Any]]:
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


@cache
def _settleable() -> Select[*tuple[Any, ...]]:
    """Selects waiting rows joined with the ticket and person they need, locked against concurrent resolvers."""
    team_lead, merge_target = aliased(Team), aliased(Ticket)
    merged_into = case(
        (
            Delivery.template.in_([TemplateName.MERGED, TemplateName.SIDE_ANSWER]),
            Delivery.facts[MERGED_INTO].astext.cast(Uuid),
        )
    )
    # Who answers beside a ticket that is a part of another is heard by whoever works on that one.
    goes_on_elsewhere = and_(Delivery.template == TemplateName.SIDE_ANSWER, merged_into.is_not(None))
    assignee_id = case((goes_on_elsewhere, merge_target.assignee_id), else_=Ticket.assignee_id)
    newest_seq = case((goes_on_elsewhere, merge_target.seq), else_=Ticket.seq)
    target = case(
        (Delivery.recipient == "assignee", assignee_id),
        (Delivery.team_id.is_not(None), team_lead.lead_id),
        else_=Delivery.agent_id,
    )
    is_person_known = or_(
        Delivery.recipient == REQUESTER.key,
        Delivery.recipient.startswith(SIDE),
        Participant.key.is_not(None),
        Agent.id.is_not(None),
        and_(Delivery.recipient == "assignee", newest_seq > 0, assignee_id.is_(None)),
        and_(Delivery.team_id.is_not(None), team_lead.id.is_not(None), team_lead.lead_id.is_(None)),
    )
    needs_sight = asks_for_sight()
    author = aliased(Agent)
    is_member = or_(Delivery.recipient == REQUESTER.key, Delivery.recipient.startswith(PARTICIPANT))
    written_by = case(
        (Delivery.template == TemplateName.MENTIONED, Delivery.facts[WRITTEN_BY].astext.cast(Uuid)),
        (is_member, Delivery.facts[DONE_BY].astext.cast(Uuid)),
    )
    sibling = aliased(Ticket)
    has_sibling = (
        select(sibling.id)
        .where(sibling.follows == Ticket.follows, sibling.id != Ticket.id, sibling.submitted_at < Ticket.submitted_at)
        .exists()
    )
    is_for_members = and_(Delivery.recipient.startswith(TEAM), func.cardinality(team_lead.member_ids) > 0)
    return (
        select(
            Delivery.id,
            Delivery.cause,
            Delivery.ticket_id,
            Delivery.recipient,
            Delivery.template,
            Delivery.facts,
            Delivery.weight,
            Ticket.requester_email,
            Ticket.reply_email,
            Ticket.requester_name,
            Ticket.erased_at,
            Ticket.alert,
            Ticket.triaged_seq,
            case((goes_on_elsewhere, merge_target.team_id), else_=Ticket.team_id).label("ticket_team_id"),
            Ticket.assignee_id,
            Delivery.team_id,
            Delivery.about,
            Delivery.seq,
            has_sibling.label("is_repeated_follow_up"),
            case((Delivery.about.is_not(None), _is_void()), else_=false()).label("is_void"),
            merge_target.requester_email.label("target_email"),
            merge_target.erased_at.is_not(None).label("is_target_erased"),
            Participant.email.label("participant_email"),
            Participant.name.label("participant_name"),
            Participant.state.label("participant_state"),
            Agent.id.label("known_agent_id"),
            Agent.email.label("agent_email"),
            Agent.name.label("agent_name"),
            Agent.is_active.label("is_agent_active"),
            case((needs_sight, is_in_sight()), else_=true()).label("is_in_sight"),
            case((Delivery.template == TemplateName.MENTIONED, author.name)).label("author_name"),
            author.email.label("author_email"),
            Delivery.audience,
            Delivery.channel,
            NotificationPreferences.settings.label("preferences"),
            case((Agent.id.is_not(None), _is_told_already()), else_=false()).label("is_told_already"),
            case((Agent.id.is_not(None), _recent_mails()), else_=0).label("recent_mails"),
        )
        .join(Ticket, Ticket.id == Delivery.ticket_id)
        .outerjoin(
            Participant, and_(Participant.ticket_id == Delivery.ticket_id, Participant.key == Delivery.recipient)
        )
        .outerjoin(team_lead, team_lead.id == Delivery.team_id)
        .outerjoin(merge_target, merge_target.id == merged_into)
        .outerjoin(Agent, Agent.id == target)
        .outerjoin(author, author.id == written_by)
        .outerjoin(NotificationPreferences, NotificationPreferences.agent_id == Agent.id)
        .where(
            IS_WAITING,
            or_(Ticket.submitted_at.is_not(None), Ticket.erased_at.is_not(None)),
            is_person_known,
            not_(func.coalesce(is_for_members, false())),
            or_(merged_into.is_(None), merge_target.submitted_at.is_not(None), merge_target.erased_at.is_not(None)),
            or_(not_(needs_sight), and_(Ticket.seq > 0, is_sight_known()), Ticket.erased_at.is_not(None)),
        )
        .order_by(Delivery.id)
        .limit(SETTLE_AT_ONCE)
        .with_for_update(of=Delivery, skip_locked=True)
    )


def _is_told_already() -> Exists:
    """Whether the same agent is told of the same event by another row, for example as a follower."""
    twin = aliased(Delivery)
    return (
        select(twin.id)
        .where(
            twin.cause == Delivery.cause,
            twin.agent_id == Agent.id,
            twin.id != Delivery.id,
            twin.status.in_([DeliveryStatus.QUEUED, DeliveryStatus.SENDING, DeliveryStatus.SENT]),
        )
        .exists()
    )


def _recent_mails() -> ScalarSelect[int]:
    """Counts the mails to the same agent about the same ticket that came just now, or wait for the same later time."""
    other = aliased(Delivery)
    is_held = and_(
        other.status == DeliveryStatus.QUEUED, other.attempts == 0, other.next_attempt_at > func.now() + STORM_WINDOW
    )
    return (
        select(func.count())
        .where(
            other.ticket_id == Delivery.ticket_id,
            other.agent_id == Agent.id,
            other.channel == DeliveryChannel.MAIL,
            other.id != Delivery.id,
            or_(other.created_at > func.now() - STORM_WINDOW, is_held),
            other.status.in_([DeliveryStatus.QUEUED, DeliveryStatus.SENDING, DeliveryStatus.SENT]),
        )
        .correlate(Delivery, Agent)
        .scalar_subquery()
    )


def _is_void() -> Exists:
    """Whether the SLA breach a row reports was withdrawn; the two events may arrive in either order."""
    later = aliased(Delivery)
    return (
        select(later.id)
        .where(
            later.ticket_id == Delivery.ticket_id,
            later.recipient == ALREADY_NOTIFIED.key,
            later.about == Delivery.about,
            later.seq > Delivery.seq,
        )
        .exists()
    )


async def retry_delivery(session: Session, by: Administrator, delivery_id: UUID) -> Delivery:
    """Queues a failed delivery again. Raises Problem 404, or 409 for one that has not failed."""
    delivery = await session.scalar(select(Delivery).where(Delivery.id == delivery_id).with_for_update())
    if delivery is None:
        raise not_found("delivery")
    if delivery.status != DeliveryStatus.FAILED:
        raise Problem(409, "not_failed", f"the delivery is {delivery.status}; only a failed one can be retried")
    delivery.status, delivery.next_attempt_at, delivery.last_error = DeliveryStatus.QUEUED.value, utc_now(), None
    subject = ("delivery", str(delivery_id), delivery.template)
    await record_change(session, by, subject, {"condition": "failed"}, {"condition": "sent again"})
    return delivery
