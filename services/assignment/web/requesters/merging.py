"""Merging another requester into this one: search, preview, confirmation, and undoing it."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from services.assignment.commands.requesters.requester_merges import merge_requesters, preview_merge, undo_merge
from services.assignment.commands.requesters.requesters import require_to_join
from services.assignment.deps import State
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.people.requester_lists import list_requesters
from services.assignment.queries.people.requesters import get_profile
from services.assignment.web.admin.sections import AllowedAgent
from services.assignment.web.admin.submitted_form import AdminForm
from services.assignment.web.page_base import DeskPageRoute, TheDesk
from shared.contracts.vocabulary import Permission
from shared.kit.http.problems import not_found
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext

FOUND = 20
Editor = Annotated[Caller, Depends(AllowedAgent(Permission.TICKET_EDIT))]
router = HttpRouter(prefix="/requesters", route_class=DeskPageRoute)


@router.get("/{requester_id}/merge")
async def show_merge(
    request: Request,
    desk: TheDesk,
    context: State,
    caller: Editor,
    requester_id: UUID,
    q: Annotated[str, Query(max_length=254)] = "",
    other: UUID | None = None,
) -> Response:
    """A search for the duplicate; once one is chosen, what the merge would move."""
    words = q.strip() if q.isprintable() else ""
    async with context.database.begin() as session:
        person = await get_profile(session, caller, requester_id)
        require_to_join(caller)
        preview = await preview_merge(session, caller, other, requester_id) if other else None
        found = (await list_requesters(session, caller, words, FOUND, None)).items if words else []
    return desk.render(
        request,
        "requesters/merge.html",
        caller,
        person=person,
        words=words,
        found=[one for one in found if one.id != requester_id],
        preview=preview,
    )


@router.post("/{requester_id}/merge")
async def post_merge(desk: TheDesk, context: State, caller: Editor, requester_id: UUID, form: AdminForm) -> Response:
    """Merges the chosen requester into this one."""
    try:
        other = UUID(form.text("other"))
    except ValueError:
        raise not_found("requester") from None
    await merge_requesters(context, caller, other, requester_id)
    return desk.redirect(
        f"/requesters/{requester_id}", ("success", gettext("Merged. It can be undone under “Same person”."))
    )


@router.post("/{requester_id}/unmerge")
async def post_unmerge(desk: TheDesk, context: State, caller: Editor, requester_id: UUID, _: AdminForm) -> Response:
    """Undoes the merge of this requester."""
    person = await undo_merge(context, caller, requester_id)
    return desk.redirect(
        f"/requesters/{person.id}",
        ("success", gettext("%(name)s is a requester of their own again.", name=person.name)),
    )
