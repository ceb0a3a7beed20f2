"""Background jobs on the children of a major incident: attach, detach, tell all requesters, resolve.

They are bulk jobs: each child is one command of the agent who asked, with an id made of job and ticket, so that a child
is told once however often the service dies.
"""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, select

from services.assignment.app_state import AppState
from services.assignment.commands.tickets.incidents import announce_incident
from services.assignment.desk_jobs.bulk_jobs import (
    BulkWork,
    refuse_programs,
    refuse_too_many,
    view_of,
    with_results,
    write_job,
)
from services.assignment.desk_jobs.job_actions import ATTACH, DETACH
from services.assignment.models import BulkJob, MajorIncident, Ticket
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.ticket_page.incidents import list_child_ids
from services.assignment.queries.ticket_page.tickets import get_ticket
from services.assignment.schemas.actions import ActionInput
from services.assignment.schemas.desk import MOST_TICKETS, BulkView
from services.assignment.schemas.incidents import ChildrenInput, IncidentJobView, IncidentUpdateInput
from shared.contracts.vocabulary import Permission, Status
from shared.kit.clock import utc_now
from shared.kit.db import Session
from shared.kit.http.body_check import check_body
from shared.kit.http.problems import Problem, not_found

UPDATE: Final = "replies"
RESOLVE: Final = "resolve"
SHOWN: Final = 20
RESULTS: Final = 200
"""Tickets on one page of results."""
CAN_BE_UPDATED: Final = (Ticket.status != Status.CLOSED.value, Ticket.merged_into.is_(None))
NOT_RESOLVED: Final = (Ticket.status != Status.RESOLVED.value,)


async def attach_children(session: Session, caller: Caller, reference: str, body: ChildrenInput) -> BulkView:
    """Makes tickets children of the incident. Raises Problem 403, 404 and 409."""
    incident = await _incident(session, caller, reference, Permission.TICKET_EDIT)
    return await _start(session, caller, incident, ATTACH, {"parent_id": str(incident.id)}, body.ticket_ids)


async def detach_children(session: Session, caller: Caller, reference: str, body: ChildrenInput) -> BulkView:
    """Takes children from the incident. Raises Problem 403, 404 and 409."""
    incident = await _incident(session, caller, reference, Permission.TICKET_EDIT)
    return await _start(session, caller, incident, DETACH, {"parent_id": str(incident.id)}, body.ticket_ids)


async def check_update(context: AppState, body: IncidentUpdateInput) -> None:
    """Raises Problem 422 for a text that no reply may be, before anybody is told anything."""
    await check_body(context.renderer, body.body, body.body_format)


async def tell_requesters(session: Session, caller: Caller, reference: str, body: IncidentUpdateInput) -> BulkView:
    """Sends one update as a public reply on each child that is not closed. Raises Problem 403, 404 and 409."""
    incident = await _incident(session, caller, reference, Permission.TICKET_REPLY)
    return await _start_on_all(session, caller, incident, UPDATE, body.model_dump(mode="json"), CAN_BE_UPDATED)


async def resolve_children(session: Session, caller: Caller, reference: str, body: ActionInput) -> BulkView:
    """Resolves each child that is not yet; what cannot be resolved is a result with its reason.

    Raises Problem 403, 404 and 409.
    """
    incident = await _incident(session, caller, reference, Permission.TICKET_RESOLVE)
    given = body.model_dump(mode="json", exclude_none=True)
    return await _start_on_all(session, caller, incident, RESOLVE, given, NOT_RESOLVED)


async def list_incident_jobs(session: Session, caller: Caller, incident_id: UUID) -> list[IncidentJobView]:
    """The newest jobs on the incident's children, whoever asked for them, without their tickets."""
    query = select(BulkJob).where(BulkJob.incident_id == incident_id).order_by(BulkJob.id.desc()).limit(SHOWN)
    return [_seen(caller, job, await view_of(session, job)) for job in await session.scalars(query)]


async def get_incident_job(
    session: Session, caller: Caller, place: tuple[UUID, UUID], limit: int, cursor: str | None
) -> IncidentJobView:
    """A job of an incident (`place`: the incident's and the job's id), with some of its results.

    Raises Problem 404, and 422 for a cursor not ours.
    """
    incident_id, job_id = place
    query = select(BulkJob).where(BulkJob.id == job_id, BulkJob.incident_id == incident_id)
    job = await session.scalar(query)
    if job is None:
        raise not_found("action on the children of this incident")
    return _seen(caller, job, await with_results(session, caller, job, limit, cursor))


def _seen(caller: Caller, job: BulkJob, view: BulkView) -> IncidentJobView:
    text = str(job.body.get("body", "")) if job.action == UPDATE else ""
    return IncidentJobView(**dict(view), text=text, is_own=job.agent_id == caller.agent_id)


async def _incident(session: Session, caller: Caller, reference: str, permission: Permission) -> Ticket:
    """The incident's ticket. Raises Problem 403, 404, and 409 for too many jobs at a time."""
    found = await get_ticket(session, caller, reference)
    found.require(permission)
    if await session.get(MajorIncident, found.ticket.id) is None:
        raise not_found("major incident")
    refuse_programs(caller)
    await refuse_too_many(session, caller)
    return found.ticket


async def _start_on_all(
    session: Session,
    caller: Caller,
    incident: Ticket,
    action: str,
    body: dict[str, Any],
    narrowed: Sequence[ColumnElement[bool]],
) -> BulkView:
    ids = await list_child_ids(session, incident.id, *narrowed)
    if len(ids) > MOST_TICKETS:
        raise Problem(409, "too_many_children", f"an action takes {MOST_TICKETS:,} children at most")
    return await _start(session, caller, incident, action, body, ids)


async def _start(
    session: Session, caller: Caller, incident: Ticket, action: str, body: dict[str, Any], ids: Sequence[UUID]
) -> BulkView:
    """Writes the job down, and one line into the incident's timeline."""
    named = list(dict.fromkeys(ids))
    await announce_incident(session, caller, incident, utc_now(), change=action, count=len(named))
    return await write_job(session, caller, BulkWork(action, body, named, incident.id))
