"""Administration pages of single sign-on: each provider's connection, test and group mappings."""

from typing import Any
from uuid import UUID

from fastapi import Request, Response

from services.assignment.access.group_roles import get_group_roles, replace_group_roles
from services.assignment.access.single_sign_on.checks import check_connection
from services.assignment.access.single_sign_on.connection import (
    add_provider,
    change_connection,
    get_connection,
    list_connections,
    remove_provider,
)
from services.assignment.access.single_sign_on.links import list_links, remove_links
from services.assignment.app_state import AppState
from services.assignment.deps import State
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.people.people import list_roles, list_teams
from services.assignment.schemas.provisioning import GroupRolesInput, GroupRolesView
from services.assignment.schemas.single_sign_on import (
    ConnectionReport,
    NewProvider,
    SingleSignOnPatch,
    SingleSignOnView,
)
from services.assignment.web.admin.sections import AgentsPageCaller
from services.assignment.web.admin.submitted_form import (
    AdminForm,
    FormRefused,
    FormView,
    SubmittedForm,
    check_unchanged,
    fresh_form,
    refusals,
    refused_form,
)
from services.assignment.web.page_base import DeskPageRoute, DeskPages, TheDesk
from services.assignment.web.single_sign_on import ProviderNumber, provider_number
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext, translated_options
from shared.kit.i18n.messages import marked as _

PATH = "/admin/single-sign-on"
router = HttpRouter(prefix=PATH, route_class=DeskPageRoute)

NEW = ("name", "issuer", "client_id")
TEXTS = ("name", "issuer", "client_id", "scopes", "groups_claim", "domains", "second_factor", "passwords")
FLAGS = ("is_enabled", "creates_agents", "trusts_addresses")
FIXED = ("issuer", "client_id")
BLANK_ROWS = 2
FACTORS = [
    ("by_amr", _("When the provider says that it asked for one")),
    ("always", _("Always: the provider asks everybody")),
    ("never", _("Never: ask for the one that is set up here")),
]
PASSWORDS = [
    ("allowed", _("Whoever has a password may use it")),
    ("unlinked_only", _("Only agents who have never signed in with the provider")),
]


@router.get("/new")
async def show_new_provider(request: Request, desk: TheDesk, caller: AgentsPageCaller) -> Response:
    """An empty form for another provider."""
    return _new_page(request, desk, caller, fresh_form({}))


@router.post("/new")
async def post_new_provider(
    request: Request, desk: TheDesk, context: State, caller: AgentsPageCaller, form: AdminForm
) -> Response:
    """Adds a provider, which is off until it was looked at and switched on."""
    given: dict[str, Any] = {name: form.text(name) for name in NEW}
    if form.raw("password"):
        given["client_secret"] = form.raw("password").strip()
    try:
        async with refusals():
            added = await add_provider(context, caller, NewProvider.model_validate(given))
    except FormRefused as refused:
        return _new_page(request, desk, caller, refused_form(form, refused, form.typed))
    return desk.redirect(_at(added.provider), ("success", gettext("The provider was added. It is off.")))


@router.get("/{provider}")
@router.get("")
async def show_single_sign_on(request: Request, desk: TheDesk, context: State, caller: AgentsPageCaller) -> Response:
    """The connection as it is."""
    return await _page(request, desk, context, caller)


@router.post("/{provider}")
@router.post("")
async def post_connection(
    request: Request,
    desk: TheDesk,
    context: State,
    caller: AgentsPageCaller,
    number: ProviderNumber,
    form: AdminForm,
) -> Response:
    """Saves the connection, or shows the form again."""
    async with context.database.begin() as session:
        now = (await get_connection(session, context.settings, number)).view
    try:
        async with refusals():
            check_unchanged(form, now.version)
            body = SingleSignOnPatch.model_validate(_changes(form, now))
            await change_connection(context, caller, body, number)
    except FormRefused as refused:
        values = {**form.typed, **{name: form.is_ticked(name) for name in FLAGS}}
        return await _page(request, desk, context, caller, view=refused_form(form, refused, values))
    return desk.redirect(_at(number), ("success", gettext("Single sign-on was saved.")))


@router.post("/{provider}/test")
async def post_test(
    request: Request, desk: TheDesk, context: State, caller: AgentsPageCaller, number: ProviderNumber, _: AdminForm
) -> Response:
    """Asks the provider, and says what came back."""
    return await _page(request, desk, context, caller, report=await check_connection(context, number))


@router.post("/{provider}/remove")
async def post_remove(
    desk: TheDesk, context: State, caller: AgentsPageCaller, number: ProviderNumber, _: AdminForm
) -> Response:
    """Removes a provider other than the first. Raises Problem 403, 404 and 409."""
    await remove_provider(context, caller, number)
    return desk.redirect(PATH, ("success", gettext("The provider was removed.")))


@router.post("/{provider}/group-roles")
async def post_group_roles(
    request: Request,
    desk: TheDesk,
    context: State,
    caller: AgentsPageCaller,
    number: ProviderNumber,
    form: AdminForm,
) -> Response:
    """Saves what the groups stand for; a row without a group is left out."""
    rows = _rows(form)
    try:
        async with refusals(lambda place: f"group-{place[1]}" if len(place) > 1 else "group-0"):
            given = {"group_roles": [row for row in rows if row["group"]], "version": form.optional("roles_version")}
            await replace_group_roles(context, caller, GroupRolesInput.model_validate(given), number)
    except FormRefused as refused:
        return await _page(request, desk, context, caller, rows=rows, rows_refused=refused)
    return desk.redirect(f"{_at(number)}#groups", ("success", gettext("What the groups stand for was saved.")))


@router.post("/links/{agent_id}/remove")
async def post_unlink(
    desk: TheDesk, context: State, caller: AgentsPageCaller, agent_id: UUID, _: AdminForm
) -> Response:
    """Unlinks an agent. Raises Problem 404 and 403."""
    await remove_links(context, caller, agent_id)
    return desk.redirect(PATH, ("success", gettext("The agent was unlinked and signed out.")))


def _at(number: int) -> str:
    return f"{PATH}/{number}"


def _new_page(request: Request, desk: DeskPages, caller: Caller, view: FormView) -> Response:
    return desk.render(
        request, "admin/new_provider.html", caller, view.status, notices=view.notices, view=view, path=PATH
    )


def _changes(form: SubmittedForm, now: SingleSignOnView) -> dict[str, Any]:
    changes: dict[str, Any] = {name: form.text(name) for name in TEXTS if not (now.is_fixed and name in FIXED)}
    changes |= {name: form.is_ticked(name) for name in FLAGS}
    if not now.is_fixed and (form.raw("password") or form.is_ticked("forget_secret")):
        changes["client_secret"] = "" if form.is_ticked("forget_secret") else form.raw("password").strip()
    return {name: value for name, value in changes.items() if name in {"client_secret"} or value != _said(now, name)}


def _said(now: SingleSignOnView, name: str) -> Any:
    value = getattr(now, name)
    return value if isinstance(value, bool) else str(value)


def _rows(form: SubmittedForm) -> list[dict[str, str]]:
    numbers = sorted(int(name[6:]) for name in form.fields if name.startswith("group-") and name[6:].isdecimal())
    return [
        {
            "group": form.text(f"group-{number}"),
            "team_id": form.text(f"team-{number}"),
            "role_id": form.text(f"role-{number}"),
        }
        for number in numbers[:200]
    ]


async def _page(
    request: Request,
    desk: DeskPages,
    context: AppState,
    caller: Caller,
    *,
    view: FormView | None = None,
    report: ConnectionReport | None = None,
    rows: list[dict[str, str]] | None = None,
    rows_refused: FormRefused | None = None,
) -> Response:
    number = provider_number(request)
    async with context.database.begin() as session:
        now = (await get_connection(session, context.settings, number)).view
        others = [one.view for one in await list_connections(session, context.settings)]
        teams, roles = await list_teams(session), await list_roles(session)
        groups, links = await get_group_roles(session, number), await list_links(session)
    shown = rows if rows is not None else _saved(groups)
    view = view or fresh_form({name: _said(now, name) for name in (*TEXTS, *FLAGS, "version")})
    notices = [*view.notices, *([("danger", rows_refused.notice)] if rows_refused and rows_refused.notice else [])]
    return desk.render(
        request,
        "admin/single_sign_on.html",
        caller,
        rows_refused.status if rows_refused else view.status,
        notices=notices,
        view=view,
        now=now,
        providers=others,
        report=report,
        rows=[*shown, *({"group": "", "team_id": "", "role_id": ""} for _ in range(BLANK_ROWS))],
        row_errors=dict(rows_refused.errors) if rows_refused else {},
        links=links,
        roles_version=groups.version,
        teams=[(str(team.id), team.name) for team in teams if team.is_active],
        roles=[(str(role.id), role.name) for role in roles],
        factors=translated_options(FACTORS),
        password_uses=translated_options(PASSWORDS),
    )


def _saved(groups: GroupRolesView) -> list[dict[str, str]]:
    return [
        {"group": one.group, "team_id": _text(one.team_id), "role_id": _text(one.role_id)} for one in groups.group_roles
    ]


def _text(key: UUID) -> str:
    return str(key)
