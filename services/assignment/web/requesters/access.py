"""Banning a requester, letting them write again, and erasing what is held of them."""

from typing import Any
from uuid import UUID

from fastapi import Request, Response

from services.assignment.app_state import AppState
from services.assignment.deps import State
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.people.requesters import get_profile
from services.assignment.schemas.requesters import RequesterProfile
from services.assignment.web.admin.intake.admin_client import ask
from services.assignment.web.admin.sections import IntakePageCaller
from services.assignment.web.admin.submitted_form import AdminForm, FormRefused, refusals, refused_form
from services.assignment.web.page_base import DeskPageRoute, TheDesk
from services.assignment.web.requesters.bans import ban_addresses, lift_bans
from services.assignment.web.requesters.person import person_page
from shared.kit.http.problems import Problem, not_found
from shared.kit.http.routers import HttpRouter
from shared.kit.http.sibling_service import in_path
from shared.kit.i18n.messages import gettext

router = HttpRouter(prefix="/requesters", route_class=DeskPageRoute)


@router.post("/{requester_id}/ban")
async def post_ban(
    request: Request, desk: TheDesk, context: State, caller: IntakePageCaller, requester_id: UUID, form: AdminForm
) -> Response:
    """Bans all addresses of a person, or shows the page with what is wrong."""
    person = await _person(context, caller, requester_id)
    try:
        async with refusals():
            await ban_addresses(context, caller, person.emails, form.text("reason"))
    except FormRefused as refused:
        return await person_page(request, desk, context, caller, requester_id, refused_form(form, refused, form.typed))
    return desk.redirect(
        f"/requesters/{requester_id}", ("success", gettext("%(name)s may not write to us any more.", name=person.name))
    )


@router.post("/{requester_id}/lift-ban")
async def post_lift(
    desk: TheDesk, context: State, caller: IntakePageCaller, requester_id: UUID, _: AdminForm
) -> Response:
    """Lets a person write again."""
    person = await _person(context, caller, requester_id)
    await lift_bans(context, caller, person.emails)
    return desk.redirect(
        f"/requesters/{requester_id}", ("success", gettext("%(name)s may write again.", name=person.name))
    )


@router.get("/{requester_id}/erase")
async def show_erasure(
    request: Request, desk: TheDesk, context: State, caller: IntakePageCaller, requester_id: UUID
) -> Response:
    """What is held of a person, to be erased for good."""
    person = await _person(context, caller, requester_id)
    return desk.render(
        request, "requesters/erase.html", caller, person=person, held=await _held(context, caller, person)
    )


@router.post("/{requester_id}/erase")
async def post_erasure(
    desk: TheDesk, context: State, caller: IntakePageCaller, requester_id: UUID, form: AdminForm
) -> Response:
    """Has intake erase what is held of all addresses; the other services, this one included, follow its event."""
    person = await _person(context, caller, requester_id)
    held = await _held(context, caller, person)
    if held is None:
        raise not_found("requester")
    body = {"tickets": form.number("tickets") or 0, "close_open": form.is_ticked("close_open")}
    await ask(context, caller, "POST", f"/requesters/{in_path(held['email'])}/erase", body)
    return desk.redirect(
        "/requesters", ("success", gettext("What was held of this person is being erased everywhere."))
    )


async def _person(context: AppState, caller: Caller, requester_id: UUID) -> RequesterProfile:
    async with context.database.begin() as session:
        return await get_profile(session, caller, requester_id)


async def _held(context: AppState, caller: Caller, person: RequesterProfile) -> dict[str, Any] | None:
    """What intake holds of a person, found by any of their addresses; None where that is nothing."""
    for email in person.emails:
        try:
            found: dict[str, Any] = (await ask(context, caller, "GET", f"/requesters/{in_path(email)}")).body
        except Problem as problem:
            if problem.status != 404:
                raise
            continue
        return found | {"email": email}
    return None
