"""One requester's page: who they are, their tickets, notes about them, and whether they may write."""

from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Depends, Request, Response

from services.assignment.app_state import AppState
from services.assignment.commands.configuration.administration import changing
from services.assignment.commands.requesters.requesters import add_requester_note, remove_requester_note
from services.assignment.deps import State
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.people.requesters import (
    find_requester_id,
    get_profile,
    get_record,
    list_notes,
    list_tickets_of,
    may_join_addresses,
)
from services.assignment.queries.ticket_page.tickets import get_ticket
from services.assignment.schemas.requesters import NewRequesterNote, RequesterProfile
from services.assignment.web.admin.sections import AllowedAgent
from services.assignment.web.admin.submitted_form import (
    AdminForm,
    FormRefused,
    FormView,
    fresh_form,
    refusals,
    refused_form,
)
from services.assignment.web.page_base import DeskAgent, DeskPageRoute, DeskPages, TheDesk
from services.assignment.web.requesters.bans import BanState, ban_state
from shared.contracts.vocabulary import Permission
from shared.domain.permissions import holds
from shared.kit.http.paging import Cursor
from shared.kit.http.problems import not_found
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext

PER_PAGE = 25
NoteAgent = Annotated[Caller, Depends(AllowedAgent(Permission.TICKET_NOTE))]
router = HttpRouter(route_class=DeskPageRoute)


@router.get("/tickets/{number}/requester")
async def show_requester_of_ticket(desk: TheDesk, context: State, caller: DeskAgent, number: str) -> Response:
    """Leads from a ticket to the person who sent it. Raises Problem 404 where nobody is known, as after an erasure."""
    async with context.database.begin() as session:
        ticket = (await get_ticket(session, caller, number)).ticket
        requester_id = await find_requester_id(session, ticket.requester_email)
    if requester_id is None:
        raise not_found("requester")
    return desk.redirect(f"/requesters/{requester_id}")


@router.get("/requesters/{requester_id}")
async def show_requester(
    request: Request, desk: TheDesk, context: State, caller: DeskAgent, requester_id: UUID, cursor: Cursor = None
) -> Response:
    """The person's page, or that of the person they turned out to be. Raises Problem 404."""
    async with context.database.begin() as session:
        merged = (await get_record(session, caller, requester_id)).merged_into
    if merged is not None:
        return desk.redirect(f"/requesters/{merged}")
    return await person_page(request, desk, context, caller, requester_id, fresh_form(), cursor)


@router.post("/requesters/{requester_id}/notes")
async def post_note(
    request: Request, desk: TheDesk, context: State, caller: NoteAgent, requester_id: UUID, form: AdminForm
) -> Response:
    """Adds a note, or shows what is wrong with it."""
    try:
        async with refusals():
            body = NewRequesterNote(body=form.raw("body"))
            async with changing(context, caller) as session:
                await add_requester_note(session, caller, requester_id, body)
    except FormRefused as refused:
        view = refused_form(form, refused, form.typed)
        return await person_page(request, desk, context, caller, requester_id, view)
    return desk.redirect(f"/requesters/{requester_id}#notes", ("success", gettext("Note added.")))


@router.post("/requesters/{requester_id}/notes/{note_id}/remove")
async def post_note_removal(
    desk: TheDesk, context: State, caller: NoteAgent, requester_id: UUID, note_id: UUID, _: AdminForm
) -> Response:
    """Removes a note."""
    await remove_requester_note(context, caller, requester_id, note_id)
    return desk.redirect(f"/requesters/{requester_id}#notes", ("success", gettext("The note is removed.")))


async def person_page(
    request: Request,
    desk: DeskPages,
    context: AppState,
    caller: Caller,
    requester_id: UUID,
    view: FormView,
    cursor: str | None = None,
) -> Response:
    """Renders a person's page, perhaps with a form that was refused."""
    async with context.database.begin() as session:
        person = await get_profile(session, caller, requester_id)
        tickets = await list_tickets_of(session, caller, person.emails, PER_PAGE, cursor)
        notes = await list_notes(session, requester_id)
    more = f"/requesters/{requester_id}?{urlencode({'cursor': tickets.next_cursor})}" if tickets.next_cursor else None
    return desk.render(
        request,
        "requesters/person.html",
        caller,
        view.status,
        notices=view.notices,
        view=view,
        person=person,
        tickets=tickets.items,
        is_first=cursor is None,
        next_url=more,
        notes=notes,
        caller_id=caller.agent_id,
        ban=await _ban(context, caller, person),
        can=_can(caller, person),
    )


async def _ban(context: AppState, caller: Caller, person: RequesterProfile) -> BanState | None:
    if not holds(caller.principal, Permission.ADMIN_INTAKE):
        return None
    return await ban_state(context, caller, person.emails)


def _can(caller: Caller, person: RequesterProfile) -> set[str]:
    """What the page may offer."""
    held = {one for one in Permission if holds(caller.principal, one)}
    joins = may_join_addresses(caller.principal)
    offered: dict[str, Any] = {
        "edit": Permission.TICKET_EDIT in held,
        "note": Permission.TICKET_NOTE in held,
        "open": Permission.TICKET_CREATE in held and bool(person.emails),
        "merge": joins,
        "administer": Permission.ADMIN_INTAKE in held,
    }
    return {name for name, is_offered in offered.items() if is_offered}
