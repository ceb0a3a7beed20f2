"""Routes of a ticket's tasks."""

from uuid import UUID

from fastapi import Response
from starlette.status import HTTP_201_CREATED, HTTP_204_NO_CONTENT

from services.assignment.commands.tickets.tasks import add_task, change_task, remove_task
from services.assignment.deps import SignedIn, State, TicketCall, TicketReference
from services.assignment.queries.ticket_page.tasks import list_tasks
from services.assignment.queries.ticket_page.tickets import get_ticket
from services.assignment.schemas.tasks import TaskInput, TaskPatch, TaskView
from shared.kit.http.paging import Page
from shared.kit.http.routers import HttpRouter
from shared.kit.http.strict_json import StrictJsonRoute

router = HttpRouter(prefix="/tickets/{ticket}/tasks", tags=["tickets"], route_class=StrictJsonRoute)


@router.get("", summary="The ticket's checklist")
async def get_tasks(context: State, caller: SignedIn, ticket: TicketReference) -> Page[TaskView]:
    """In the order of the list, done ones included."""
    async with context.database.begin() as session:
        found = await get_ticket(session, caller, ticket)
        return Page(items=await list_tasks(session, found.ticket.id))


@router.post("", status_code=HTTP_201_CREATED, response_model=TaskView, summary="Add a task")
async def post_task(context: State, call: TicketCall, body: TaskInput) -> Response:
    """At the end of the list. A blocking task must be done before the ticket can be resolved."""
    return await add_task(context, call, body)


@router.patch("/{task_id}", summary="Tick a task off, change or move it")
async def patch_task(
    context: State, caller: SignedIn, ticket: TicketReference, task_id: UUID, body: TaskPatch
) -> TaskView:
    """What is left out stays; null takes assignee and due instant away."""
    return await change_task(context, caller, ticket, task_id, body)


@router.delete("/{task_id}", status_code=HTTP_204_NO_CONTENT, summary="Remove a task")
async def delete_task(context: State, caller: SignedIn, ticket: TicketReference, task_id: UUID) -> None:
    """The timeline says that there was one."""
    await remove_task(context, caller, ticket, task_id)
