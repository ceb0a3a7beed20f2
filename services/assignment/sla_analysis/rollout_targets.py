"""Selects the running tickets that carry another version of a policy than its newest."""

from uuid import UUID

from sqlalchemy import Boolean, ColumnElement, Integer, Select, String, cast, func, literal_column, select

from services.assignment.models import LoggedEvent, Ticket
from services.assignment.schemas.rollouts import RolloutFilter
from shared.contracts.events import TicketPolicyChanged, TicketTriaged
from shared.contracts.policies import PolicySnapshot
from shared.kit.db import Session

VERSION = cast(Ticket.snapshot["policy_version"].astext, Integer)
IS_NOT_CLOSED = literal_column("tickets.status <> 'closed'", Boolean)
POLICY = literal_column("(tickets.snapshot ->> 'policy_id')", String)
"""Both in the words of the index, which a parameter would hide."""
NAMING = (TicketTriaged.event_name, TicketPolicyChanged.event_name)


def is_running(policy_id: UUID, narrowed: RolloutFilter) -> list[ColumnElement[bool]]:
    """Returns the condition for running tickets of a policy."""
    found: list[ColumnElement[bool]] = [POLICY.in_([str(policy_id)]), IS_NOT_CLOSED]
    if narrowed.team_id is not None:
        found.append(Ticket.team_id == narrowed.team_id)
    if narrowed.priority:
        found.append(Ticket.priority.in_([priority.value for priority in narrowed.priority]))
    if narrowed.status:
        found.append(Ticket.status.in_([status.value for status in narrowed.status]))
    if narrowed.from_versions:
        found.append(VERSION.in_(narrowed.from_versions))
    return found


def is_behind(policy: PolicySnapshot) -> ColumnElement[bool]:
    """Returns the condition that a ticket carries an older version of the policy or its calendar.

    The digest in its last event that names a policy decides; without one, the version.
    """
    digest = (
        select(LoggedEvent.fact["policy_digest"].astext)
        .where(LoggedEvent.ticket_id == Ticket.id, LoggedEvent.fact.is_not(None), LoggedEvent.type.in_(NAMING))
        .order_by(LoggedEvent.seq.desc())
        .limit(1)
        .scalar_subquery()
    )
    return func.coalesce(digest != policy.digest, policy.version != VERSION)


def rollout_targets(policy: PolicySnapshot, narrowed: RolloutFilter) -> Select[Ticket]:
    """Selects the tickets concerned, by id."""
    conditions = (*is_running(policy.policy_id, narrowed), is_behind(policy))
    return select(Ticket).where(*conditions).order_by(Ticket.id)


async def count_running(session: Session, policy: PolicySnapshot, narrowed: RolloutFilter) -> tuple[int, int]:
    """Counts the running tickets of the policy, and those with another version."""
    query = select(func.count(), func.count().filter(is_behind(policy))).select_from(Ticket)
    running, behind = (await session.execute(query.where(*is_running(policy.policy_id, narrowed)))).tuples().one()
    return running, behind
