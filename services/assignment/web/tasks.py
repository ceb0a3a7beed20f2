"""Forms of the ticket page's checklist: add a task, tick it off, change, move or remove it."""

from typing import Any
from uuid import UUID

from fastapi import Request, Response
from pydantic import ValidationError

from services.assignment.commands.tickets.tasks import add_task, change_task, remove_task
from services.assignment.deps import State
from services.assignment.queries.ticket_page.tasks import get_task
from services.assignment.queries.ticket_page.tickets import get_ticket
from services.assignment.schemas.tasks import MOST_TASKS, TaskInput, TaskPatch
from services.assignment.web.forms import errors_of
from services.assignment.web.page_base import DeskAgent, DeskPageRoute, TheDesk
from services.assignment.web.refusal_texts import refusal_sentence
from services.assignment.web.ticket import PageState, UnsentForm, ticket_page
from services.assignment.web.ticket_actions import form_call, onwards
from services.assignment.web.ticket_writing import checked_form
from shared.contracts.vocabulary import Permission
from shared.domain.errors import Refusal
from shared.kit.http.error_handlers import from_exception
from shared.kit.http.problems import Problem
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext
from shared.kit.i18n.messages import marked as _

router = HttpRouter(route_class=DeskPageRoute)
SAID = {
    "done": _("The task is done."),
    "undone": _("The task is to be done again."),
    "up": _("Moved up."),
    "down": _("Moved down."),
    "remove": _("The task is removed."),
    "save": _("The task is changed."),
}


@router.post("/tickets/{number}/tasks")
async def post_task(request: Request, desk: TheDesk, context: State, caller: DeskAgent, number: str) -> Response:
    """Adds a task, or shows the form again with the reason why not."""
    values = await checked_form(request)
    async with context.database.begin() as session:
        (await get_ticket(session, caller, number)).require(Permission.TICKET_EDIT)
    try:
        task = TaskInput.model_validate(_fields(values))
        await add_task(context, form_call(caller, number, "tasks", values), task)
    except ValidationError as error:
        errors = tuple((f"task_{field}", text) for field, text in errors_of(error))
    except (Refusal, Problem) as error:
        problem = from_exception(error)
        if problem.status in {403, 404}:
            raise
        errors = (("task_title", f"{refusal_sentence(problem.detail)}."),)
    else:
        return await onwards(desk, context, caller, number, ("success", gettext("The task is added.")))
    return await ticket_page(
        request, desk, context, caller, number, PageState(422, UnsentForm("tasks", values, errors))
    )


@router.post("/tickets/{number}/tasks/{task_id}")
async def post_change(
    request: Request, desk: TheDesk, context: State, caller: DeskAgent, number: str, task_id: UUID
) -> Response:
    """What the pressed button says: done, undone, up, down, remove or save."""
    values = await checked_form(request)
    change = values.get("change", "save")
    async with context.database.begin() as session:
        found = await get_ticket(session, caller, number)
        found.require(Permission.TICKET_EDIT)
        task = await get_task(session, found.ticket.id, task_id)
    try:
        if change == "remove":
            await remove_task(context, caller, number, task_id)
        else:
            patch = TaskPatch.model_validate(_patch(change, values, task.position))
            await change_task(context, caller, number, task_id, patch)
    except ValidationError as error:
        reason = " ".join(text for _, text in errors_of(error))
        state = PageState(422, notices=[("danger", gettext("The task was not changed: %(reason)s", reason=reason))])
        return await ticket_page(request, desk, context, caller, number, state)
    return await onwards(desk, context, caller, number, ("success", gettext(SAID.get(change, SAID["save"]))))


def _fields(values: dict[str, str]) -> dict[str, Any]:
    """The body that the API would have been sent, from fields named `task_…`."""
    due = values.get("task_due_at", "")
    return {
        "title": values.get("task_title", "").strip(),
        "assignee_id": values.get("task_assignee_id") or None,
        "due_at": f"{due.removesuffix('Z')}Z" if due else None,
        "is_blocking": values.get("task_is_blocking") == "1",
    }


def _patch(change: str, values: dict[str, str], position: int) -> dict[str, Any]:
    if change in {"done", "undone"}:
        return {"is_done": change == "done"}
    if change in {"up", "down"}:
        moved = position + (1 if change == "down" else -1)
        return {"position": min(max(moved, 1), MOST_TASKS)}
    return _fields(values)
