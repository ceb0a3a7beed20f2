"""Administration pages of service tokens."""

from datetime import UTC, datetime, time
from uuid import UUID

from fastapi import Request, Response

from services.assignment.access.service_tokens import (
    create_service_token,
    get_service_token,
    list_service_tokens,
    revoke_service_token,
    take_over_service_token,
)
from services.assignment.deps import State
from services.assignment.queries.access.callers import Caller
from services.assignment.schemas.service_tokens import ServiceTokenInput
from services.assignment.web.admin.roles import PERMISSION_GROUPS
from services.assignment.web.admin.sections import AgentsPageCaller
from services.assignment.web.admin.submitted_form import (
    AdminForm,
    FormRefused,
    FormView,
    SubmittedForm,
    fresh_form,
    refusals,
    refuse_field,
    refused_form,
)
from services.assignment.web.page_base import DeskPageRoute, DeskPages, TheDesk
from shared.contracts.vocabulary import Permission
from shared.domain.permissions import holds
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext
from shared.kit.i18n.messages import marked as _

PATH = "/admin/service-tokens"
router = HttpRouter(prefix=PATH, route_class=DeskPageRoute)


@router.get("")
async def show_service_tokens(request: Request, desk: TheDesk, context: State, caller: AgentsPageCaller) -> Response:
    """Every token, the newest first."""
    async with context.database.begin() as session:
        tokens = await list_service_tokens(session)
    return desk.render(request, "admin/service_tokens.html", caller, tokens=tokens, states=STATES)


STATES = {
    "active": (_("Active"), "ok"),
    "expired": (_("Expired"), "neutral"),
    "owner_inactive": (_("Owner deactivated"), "warn"),
    "revoked": (_("Revoked"), "neutral"),
}


@router.get("/new")
async def show_new_service_token(request: Request, desk: TheDesk, caller: AgentsPageCaller) -> Response:
    """An empty form."""
    return _form_page(request, desk, caller, fresh_form({"permissions": [Permission.TICKET_VIEW.value]}))


@router.post("/new")
async def post_service_token(
    request: Request, desk: TheDesk, context: State, caller: AgentsPageCaller, form: AdminForm
) -> Response:
    """Makes the token and shows it, this once; sent twice, the second page is without it."""
    try:
        async with refusals():
            body = ServiceTokenInput.model_validate(
                {
                    "name": form.text("name"),
                    "permissions": form.all("permissions"),
                    "expires_at": _end_of(form),
                    "cidrs": tuple(form.text("cidrs").replace(",", " ").split()),
                }
            )
            made = await create_service_token(context, form.keyed(caller, PATH), body)
    except FormRefused as refused:
        values = {**form.typed, "permissions": form.all("permissions")}
        return _form_page(request, desk, caller, refused_form(form, refused, values))
    return desk.render(request, "admin/service_token_made.html", caller, made=made)


@router.get("/{token_id}")
async def show_service_token(
    request: Request, desk: TheDesk, context: State, caller: AgentsPageCaller, token_id: UUID
) -> Response:
    """One token, and what can be done with it. Raises Problem 404."""
    async with context.database.begin() as session:
        token = await get_service_token(session, token_id)
    return desk.render(
        request, "admin/service_token.html", caller, token=token, states=STATES, groups=PERMISSION_GROUPS
    )


@router.post("/{token_id}/revoke")
async def post_revoke(
    desk: TheDesk, context: State, caller: AgentsPageCaller, token_id: UUID, _: AdminForm
) -> Response:
    """Ends the token. Raises Problem 404."""
    token = await revoke_service_token(context, caller, token_id)
    return desk.redirect(
        PATH, ("success", gettext("%(name)s was revoked. Its next request is refused.", name=token.name))
    )


@router.post("/{token_id}/take-over")
async def post_take_over(
    desk: TheDesk, context: State, caller: AgentsPageCaller, token_id: UUID, _: AdminForm
) -> Response:
    """Makes the administrator the token's owner. Raises Problem 404 and 403."""
    try:
        async with refusals():
            token = await take_over_service_token(context, caller, token_id)
    except FormRefused as refused:
        return desk.redirect(f"{PATH}/{token_id}", ("danger", refused.notice))
    return desk.redirect(f"{PATH}/{token_id}", ("success", gettext("%(name)s is yours now.", name=token.name)))


def _end_of(form: SubmittedForm) -> datetime | None:
    """The end of the last day on which the token works, in UTC. Raises FormRefused."""
    if not form.text("expires_at"):
        return None
    try:
        day = datetime.fromisoformat(form.text("expires_at")).date()
    except ValueError:
        raise refuse_field("expires_at", gettext("Write a day such as 2027-03-31")) from None
    return datetime.combine(day, time.max, UTC)


def _form_page(request: Request, desk: DeskPages, caller: Caller, view: FormView) -> Response:
    """Offers only what the administrator holds."""
    groups = {
        name: {one: text for one, text in permissions.items() if holds(caller.principal, one)}
        for name, permissions in PERMISSION_GROUPS.items()
    }
    return desk.render(
        request,
        "admin/service_token_form.html",
        caller,
        view.status,
        notices=view.notices,
        view=view,
        groups={name: permissions for name, permissions in groups.items() if permissions},
    )
