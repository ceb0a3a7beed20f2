"""Which notifications can be settled: whose ticket and people are known, with what has to be known of them."""

from functools import cache
from typing import Any, cast

from sqlalchemy import Exists, ScalarSelect, Select, Table, Uuid, and_, case, false, func, not_, or_, select, true
from sqlalchemy.orm import aliased

from services.notification.decisions.event_rules import (
    ALREADY_NOTIFIED,
    DONE_BY,
    MERGED_INTO,
    PARTICIPANT,
    REQUESTER,
    SIDE,
    TEAM,
    WRITTEN_BY,
)
from services.notification.delivery.channels import DeliveryChannel
from services.notification.delivery.status import DeliveryStatus
from services.notification.delivery.templates import TemplateName
from services.notification.models import IS_WAITING, Agent, Delivery, NotificationPreferences, Participant, Team, Ticket
from services.notification.recipients.channel_choice import STORM_WINDOW
from services.notification.recipients.ticket_visibility import asks_for_sight, is_in_sight, is_sight_known
from services.notification.record_sets import record_set

SETTLE_AT_ONCE = 500
DELIVERIES = cast(Table, Delivery.__table__)
GIVEN = (
    *("id", "cause", "ticket_id", "recipient", "template", "facts", "weight", "team_id", "agent_id"),
    *("about", "seq", "audience", "channel"),
)


@cache
def waiting_rows() -> Select[*tuple[Any, ...]]:
    """Selects rows that wait in the ledger and can be settled now, locked against concurrent resolvers."""
    found = _settleable(Delivery).where(IS_WAITING).order_by(Delivery.id).limit(SETTLE_AT_ONCE)
    return found.with_for_update(of=Delivery, skip_locked=True)


@cache
def given_rows() -> Select[*tuple[Any, ...]]:
    """Selects those of the parameter's rows, which are not in the ledger yet, that can be settled now."""
    given = aliased(Delivery, record_set(DELIVERIES, GIVEN), adapt_on_names=True)
    return _settleable(given).order_by(given.id)


def _settleable(delivery: type[Delivery]) -> Select[*tuple[Any, ...]]:
    """Joins rows with the ticket and the person that they need, and leaves out those of which something is unknown."""
    team_lead, merge_target = aliased(Team), aliased(Ticket)
    merged_into = case(
        (
            delivery.template.in_([TemplateName.MERGED, TemplateName.SIDE_ANSWER]),
            delivery.facts[MERGED_INTO].astext.cast(Uuid),
        )
    )
    # Who answers beside a ticket that is a part of another is heard by whoever works on that one.
    goes_on_elsewhere = and_(delivery.template == TemplateName.SIDE_ANSWER, merged_into.is_not(None))
    assignee_id = case((goes_on_elsewhere, merge_target.assignee_id), else_=Ticket.assignee_id)
    newest_seq = case((goes_on_elsewhere, merge_target.seq), else_=Ticket.seq)
    target = case(
        (delivery.recipient == "assignee", assignee_id),
        (delivery.team_id.is_not(None), team_lead.lead_id),
        else_=delivery.agent_id,
    )
    is_person_known = or_(
        delivery.recipient == REQUESTER.key,
        delivery.recipient.startswith(SIDE),
        Participant.key.is_not(None),
        Agent.id.is_not(None),
        and_(delivery.recipient == "assignee", newest_seq > 0, assignee_id.is_(None)),
        and_(delivery.team_id.is_not(None), team_lead.id.is_not(None), team_lead.lead_id.is_(None)),
    )
    needs_sight = asks_for_sight(delivery)
    author = aliased(Agent)
    is_member = or_(delivery.recipient == REQUESTER.key, delivery.recipient.startswith(PARTICIPANT))
    written_by = case(
        (delivery.template == TemplateName.MENTIONED, delivery.facts[WRITTEN_BY].astext.cast(Uuid)),
        (is_member, delivery.facts[DONE_BY].astext.cast(Uuid)),
    )
    sibling = aliased(Ticket)
    has_sibling = (
        select(sibling.id)
        .where(sibling.follows == Ticket.follows, sibling.id != Ticket.id, sibling.submitted_at < Ticket.submitted_at)
        .exists()
    )
    is_for_members = and_(delivery.recipient.startswith(TEAM), func.cardinality(team_lead.member_ids) > 0)
    return (
        select(
            delivery.id,
            delivery.cause,
            delivery.ticket_id,
            delivery.recipient,
            delivery.template,
            delivery.facts,
            delivery.weight,
            Ticket.requester_email,
            Ticket.reply_email,
            Ticket.requester_name,
            Ticket.erased_at,
            Ticket.alert,
            Ticket.triaged_seq,
            case((goes_on_elsewhere, merge_target.team_id), else_=Ticket.team_id).label("ticket_team_id"),
            Ticket.assignee_id,
            delivery.team_id,
            delivery.about,
            delivery.seq,
            has_sibling.label("is_repeated_follow_up"),
            case((delivery.about.is_not(None), _is_void(delivery)), else_=false()).label("is_void"),
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
            case((delivery.template == TemplateName.MENTIONED, author.name)).label("author_name"),
            author.email.label("author_email"),
            delivery.audience,
            delivery.channel,
            NotificationPreferences.settings.label("preferences"),
            case((Agent.id.is_not(None), _is_told_already(delivery)), else_=false()).label("is_told_already"),
            case((Agent.id.is_not(None), _recent_mails(delivery)), else_=0).label("recent_mails"),
        )
        .join(Ticket, Ticket.id == delivery.ticket_id)
        .outerjoin(
            Participant, and_(Participant.ticket_id == delivery.ticket_id, Participant.key == delivery.recipient)
        )
        .outerjoin(team_lead, team_lead.id == delivery.team_id)
        .outerjoin(merge_target, merge_target.id == merged_into)
        .outerjoin(Agent, Agent.id == target)
        .outerjoin(author, author.id == written_by)
        .outerjoin(NotificationPreferences, NotificationPreferences.agent_id == Agent.id)
        .where(
            or_(Ticket.submitted_at.is_not(None), Ticket.erased_at.is_not(None)),
            is_person_known,
            not_(func.coalesce(is_for_members, false())),
            or_(merged_into.is_(None), merge_target.submitted_at.is_not(None), merge_target.erased_at.is_not(None)),
            or_(not_(needs_sight), and_(Ticket.seq > 0, is_sight_known()), Ticket.erased_at.is_not(None)),
        )
    )


def _is_told_already(delivery: type[Delivery]) -> Exists:
    """Whether the same agent is told of the same event by another row, for example as a follower."""
    twin = aliased(Delivery)
    return (
        select(twin.id)
        .where(
            twin.cause == delivery.cause,
            twin.agent_id == Agent.id,
            twin.id != delivery.id,
            twin.status.in_([DeliveryStatus.QUEUED, DeliveryStatus.SENDING, DeliveryStatus.SENT]),
        )
        .exists()
    )


def _recent_mails(delivery: type[Delivery]) -> ScalarSelect[int]:
    """Counts the mails to the same agent about the same ticket that came just now, or wait for the same later time."""
    other = aliased(Delivery)
    is_held = and_(
        other.status == DeliveryStatus.QUEUED, other.attempts == 0, other.next_attempt_at > func.now() + STORM_WINDOW
    )
    return (
        select(func.count())
        .where(
            other.ticket_id == delivery.ticket_id,
            other.agent_id == Agent.id,
            other.channel == DeliveryChannel.MAIL,
            other.id != delivery.id,
            or_(other.created_at > func.now() - STORM_WINDOW, is_held),
            other.status.in_([DeliveryStatus.QUEUED, DeliveryStatus.SENDING, DeliveryStatus.SENT]),
        )
        .correlate(delivery, Agent)
        .scalar_subquery()
    )


def _is_void(delivery: type[Delivery]) -> Exists:
    """Whether the SLA breach a row reports was withdrawn; the two events may arrive in either order."""
    later = aliased(Delivery)
    return (
        select(later.id)
        .where(
            later.ticket_id == delivery.ticket_id,
            later.recipient == ALREADY_NOTIFIED.key,
            later.about == delivery.about,
            later.seq > delivery.seq,
        )
        .exists()
    )
