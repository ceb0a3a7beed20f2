"""A ticket's tasks, and those that keep it from being resolved."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, func, select
from sqlalchemy.orm import InstrumentedAttribute, aliased

from services.assignment.models import Agent, ServiceToken, TicketTask
from services.assignment.schemas.tasks import TaskView
from services.assignment.schemas.tickets import AgentRef
from shared.kit.db import Session
from shared.kit.http.problems import Problem, not_found


async def list_tasks(session: Session, ticket_id: UUID) -> list[TaskView]:
    """All of them, in the order of the list."""
    rows = await session.execute(_tasks().where(TicketTask.ticket_id == ticket_id).order_by(TicketTask.position))
    return [_view(row) for row in rows]


async def get_task(session: Session, ticket_id: UUID, task_id: UUID) -> TaskView:
    """One of them. Raises Problem 404."""
    query = _tasks().where(TicketTask.ticket_id == ticket_id, TicketTask.id == task_id)
    row = (await session.execute(query)).one_or_none()
    if row is None:
        raise not_found("task")
    return _view(row)


async def check_nothing_blocks(session: Session, ticket_id: UUID) -> None:
    """Raises Problem 409, which names the tasks, if one that blocks resolving is not done."""
    query = select(TicketTask.id, TicketTask.title).where(blocks(ticket_id)).order_by(TicketTask.position)
    open_tasks = (await session.execute(query)).all()
    if open_tasks:
        titles = ", ".join(f"“{task.title}”" for task in open_tasks)
        tasks = [{"id": str(task.id), "title": task.title} for task in open_tasks]
        raise Problem(409, "blocked_by_tasks", f"these tasks must be done first: {titles}", tasks=tasks)


def blocks(ticket_id: ColumnElement[UUID] | InstrumentedAttribute[UUID] | UUID) -> ColumnElement[bool]:
    """The condition of a task that keeps the ticket from being resolved."""
    return and_(TicketTask.ticket_id == ticket_id, TicketTask.is_blocking, TicketTask.done_at.is_(None))


def _tasks() -> Select[*tuple[Any, ...]]:
    doer, program = aliased(Agent), aliased(ServiceToken)
    return (
        select(TicketTask, Agent.name.label("assignee"), func.coalesce(doer.name, program.name).label("doer"))
        .outerjoin(Agent, Agent.id == TicketTask.assignee_id)
        .outerjoin(doer, doer.id == TicketTask.done_by)
        .outerjoin(program, program.id == TicketTask.done_by)
        .execution_options(populate_existing=True)
    )


def _view(row: Row[*tuple[Any, ...]]) -> TaskView:
    task = row.TicketTask
    return TaskView(
        id=task.id,
        title=task.title,
        position=task.position,
        assignee=AgentRef(id=task.assignee_id, name=row.assignee) if task.assignee_id else None,
        due_at=task.due_at,
        is_blocking=task.is_blocking,
        is_done=task.done_at is not None,
        done_at=task.done_at,
        done_by=AgentRef(id=task.done_by, name=row.doer or "somebody") if task.done_by else None,
        created_at=task.created_at,
    )
