"""Tasks of a ticket: a checklist that agents keep, of which some lines can block resolving."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import Response
from sqlalchemy import delete, select
from starlette.status import HTTP_201_CREATED

from services.assignment.app_state import AppState
from services.assignment.commands.execution.command_request import CommandRequest, opened
from services.assignment.commands.execution.log_lines import log_and_announce
from services.assignment.models import Agent, Ticket, TicketTask
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.ticket_page.tasks import get_task
from services.assignment.queries.ticket_page.tickets import get_ticket
from services.assignment.schemas.tasks import MOST_TASKS, TaskInput, TaskPatch, TaskView
from shared.contracts.base import TicketId
from shared.contracts.events import TicketTaskChanged
from shared.contracts.events.collaboration import TaskChange
from shared.contracts.vocabulary import Permission
from shared.domain.errors import TicketArchivedError
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Session
from shared.kit.http.problems import invalid, not_found
from shared.kit.tombstones import lock_against_erasure


async def add_task(context: AppState, call: CommandRequest, body: TaskInput) -> Response:
    """Adds a task at the end of the list. Raises Problem 403, 404, 422, TicketArchivedError."""
    async with opened(context, call) as guarded:
        if guarded.stored is not None:
            return guarded.stored
        session, now = guarded.session, utc_now()
        ticket, tasks = await _open_list(session, call.caller, call.reference)
        if len(tasks) >= MOST_TASKS:
            raise invalid("/title", f"a ticket has at most {MOST_TASKS} tasks")
        await _check_assignee(session, body.assignee_id)
        task = TicketTask(
            id=new_id(),
            ticket_id=ticket.id,
            position=len(tasks) + 1,
            title=body.title,
            assignee_id=body.assignee_id,
            due_at=body.due_at,
            is_blocking=body.is_blocking,
            created_at=now,
            created_by=call.caller.agent_id,
        )
        session.add(task)
        await session.flush()
        await _announce(session, call.caller, ticket, task, "added", now)
        view = (await get_task(session, ticket.id, task.id)).model_dump_json().encode()
        await guarded.store(view, HTTP_201_CREATED, None)
    context.relay.wake()
    return Response(view, HTTP_201_CREATED, media_type="application/json")


async def change_task(context: AppState, caller: Caller, reference: str, task_id: UUID, patch: TaskPatch) -> TaskView:
    """Changes what is named: words, assignee, due instant, place, or whether it is done.

    Raises Problem 403, 404, 422, TicketArchivedError.
    """
    now = utc_now()
    async with context.database.begin() as session:
        ticket, tasks = await _open_list(session, caller, reference)
        task = _named(tasks, task_id)
        change = _change_of(task, patch)
        for name, value in await _changed(session, caller, task, patch, now):
            setattr(task, name, value)
        if patch.position is not None:
            _move(tasks, task, patch.position)
        await session.flush()
        if change is not None:
            await _announce(session, caller, ticket, task, change, now)
        view = await get_task(session, ticket.id, task.id)
    context.relay.wake()
    return view


async def remove_task(context: AppState, caller: Caller, reference: str, task_id: UUID) -> None:
    """Takes a task off the list. Raises Problem 403 and 404, TicketArchivedError."""
    async with context.database.begin() as session:
        ticket, tasks = await _open_list(session, caller, reference)
        task = _named(tasks, task_id)
        await session.execute(delete(TicketTask).where(TicketTask.id == task_id))
        session.expunge(task)
        for position, left in enumerate((one for one in tasks if one.id != task_id), start=1):
            left.position = position
        await _announce(session, caller, ticket, task, "removed", utc_now())
    context.relay.wake()


async def _open_list(session: Session, caller: Caller, reference: str) -> tuple[Ticket, Sequence[TicketTask]]:
    """The ticket, locked so that two who change its list do so one after the other, and its tasks."""
    await lock_against_erasure(session, is_erasing=False)
    found = await get_ticket(session, caller, reference)
    found.require(Permission.TICKET_EDIT)
    ticket = found.ticket
    await session.execute(select(Ticket.id).where(Ticket.id == ticket.id).with_for_update(key_share=True))
    if ticket.is_archived or ticket.erased_at is not None:
        raise TicketArchivedError("the ticket is archived; it stays as it is")
    query = select(TicketTask).where(TicketTask.ticket_id == ticket.id).order_by(TicketTask.position)
    return ticket, (await session.scalars(query)).all()


def _named(tasks: Sequence[TicketTask], task_id: UUID) -> TicketTask:
    task = next((one for one in tasks if one.id == task_id), None)
    if task is None:
        raise not_found("task")
    return task


def _change_of(task: TicketTask, patch: TaskPatch) -> TaskChange | None:
    """What the timeline says of a patch: ticking off before the rest; the order of the list is not worth a line."""
    is_done = task.done_at is not None
    if patch.is_done is not None and patch.is_done != is_done:
        return "done" if patch.is_done else "undone"
    wanted = {name: getattr(patch, name) for name in _plain_fields(patch)}
    return "changed" if any(getattr(task, name) != value for name, value in wanted.items()) else None


def _plain_fields(patch: TaskPatch) -> list[str]:
    """The columns a patch names. Null means something for assignee and due instant only."""
    nullable = [name for name in ("assignee_id", "due_at") if name in patch.model_fields_set]
    return [name for name in ("title", "is_blocking") if getattr(patch, name) is not None] + nullable


async def _changed(
    session: Session, caller: Caller, task: TicketTask, patch: TaskPatch, now: datetime
) -> list[tuple[str, Any]]:
    """The columns to set. Raises Problem 422 for an assignee who is no active agent."""
    if patch.assignee_id != task.assignee_id:
        await _check_assignee(session, patch.assignee_id)
    values = [(name, getattr(patch, name)) for name in _plain_fields(patch)]
    if patch.is_done is True and task.done_at is None:
        values += [("done_at", now), ("done_by", caller.agent_id)]
    elif patch.is_done is False:
        values += [("done_at", None), ("done_by", None)]
    return values


def _move(tasks: Sequence[TicketTask], task: TicketTask, position: int) -> None:
    others = [one for one in tasks if one is not task]
    others.insert(position - 1, task)
    for place, one in enumerate(others, start=1):
        one.position = place


async def _check_assignee(session: Session, agent_id: UUID | None) -> None:
    if agent_id is None:
        return
    if await session.scalar(select(Agent.id).where(Agent.id == agent_id, Agent.is_active)) is None:
        raise invalid("/assignee_id", "is not an active agent")


async def _announce(
    session: Session, caller: Caller, ticket: Ticket, task: TicketTask, change: TaskChange, now: datetime
) -> None:
    event = TicketTaskChanged(
        ticket_id=TicketId(ticket.id),
        task_id=task.id,
        change=change,
        is_blocking=task.is_blocking,
        is_done=task.done_at is not None,
        actor=caller.actor,
        changed_at=now,
    )
    details = {"task_id": str(task.id), "change": change}
    await log_and_announce(session, caller, ticket, event, f"task:{new_id()}", now, **details)
