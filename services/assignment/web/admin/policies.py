"""Administration pages of SLA policies: targets as a grid, escalations, versions to go back to."""

from typing import Any
from uuid import UUID

from fastapi import Request, Response

from services.assignment.app_state import AppState
from services.assignment.commands.configuration.administration import create
from services.assignment.commands.configuration.policies import change_policy, create_policy, restore_policy
from services.assignment.deps import State, Version
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.administration import deactivation
from services.assignment.queries.administration.configuration import (
    get_current_policy,
    list_calendars,
    list_policies,
    policy_view,
)
from services.assignment.queries.administration.versions import list_policy_versions
from services.assignment.queries.people.people import list_agents, list_teams
from services.assignment.schemas.rules import PolicyInput, PolicyPatch, PolicyView
from services.assignment.web.admin import policy_form
from services.assignment.web.admin.sections import SlaPageCaller
from services.assignment.web.admin.submitted_form import (
    AdminForm,
    FormRefused,
    FormView,
    check_unchanged,
    fresh_form,
    refusals,
    refused_form,
)
from services.assignment.web.admin.version_changes import with_changes
from services.assignment.web.page_base import DeskPageRoute, DeskPages, TheDesk
from shared.contracts.policies import SlaPolicy
from shared.kit.db import Session
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext, translated_options
from shared.kit.i18n.vocabulary import metric_name

PATH = "/admin/sla-policies"
router = HttpRouter(prefix=PATH, route_class=DeskPageRoute)

SHOWN_VERSIONS = 20


@router.get("")
async def show_policies(request: Request, desk: TheDesk, context: State, caller: SlaPageCaller) -> Response:
    """Every policy's newest version, with its targets."""
    async with context.database.begin() as session:
        policies = await list_policies(session)
        calendars = {calendar.slug: calendar.name for calendar in await list_calendars(session)}
    values = {policy.id: policy_form.policy_values(policy) for policy in policies}
    return desk.render(
        request,
        "admin/policies.html",
        caller,
        policies=policies,
        calendars=calendars,
        values=values,
        **_words(),
    )


@router.get("/new")
async def show_new_policy(request: Request, desk: TheDesk, context: State, caller: SlaPageCaller) -> Response:
    """A form with the usual times filled in."""
    usual = SlaPolicy(name="New policy", calendar="none", targets={})
    values = policy_form.policy_values(usual) | {"name": "", "calendar": ""}
    return await _form_page(request, desk, context, caller, None, fresh_form(values))


@router.post("/new")
async def post_policy(
    request: Request, desk: TheDesk, context: State, caller: SlaPageCaller, form: AdminForm
) -> Response:
    """Adds the policy, or shows the form again."""
    try:
        async with refusals(policy_form.field_of):
            fields = policy_form.policy_fields(form) | {"is_default": form.is_ticked("is_default")}
            body = PolicyInput.model_validate(fields)
            await create(
                context, form.keyed(caller, PATH), lambda session: create_policy(session, body, caller.person_id)
            )
    except FormRefused as refused:
        view = refused_form(form, refused, policy_form.typed_values(form))
        return await _form_page(request, desk, context, caller, None, view)
    return desk.redirect(PATH, ("success", gettext("%(name)s was added.", name=body.name)))


@router.get("/{policy_id}")
async def show_policy(
    request: Request, desk: TheDesk, context: State, caller: SlaPageCaller, policy_id: UUID
) -> Response:
    """The form of one policy. Raises Problem 404."""
    policy = await _get_policy(context, policy_id)
    values = policy_form.policy_values(policy) | {"is_default": policy.is_default, "version": policy.version}
    return await _form_page(request, desk, context, caller, policy, fresh_form(values))


@router.post("/{policy_id}")
async def post_changes(
    request: Request, desk: TheDesk, context: State, caller: SlaPageCaller, policy_id: UUID, form: AdminForm
) -> Response:
    """Makes the next version, or shows the form again. Tickets keep the version they have."""
    policy = await _get_policy(context, policy_id)
    try:
        async with refusals(policy_form.field_of):
            check_unchanged(form, policy.version)
            default = {"is_default": True} if form.is_ticked("is_default") else {}
            body = PolicyPatch.model_validate(policy_form.policy_fields(form) | default)
            changed = await change_policy(context, caller, policy_id, body)
    except FormRefused as refused:
        view = refused_form(form, refused, policy_form.typed_values(form))
        return await _form_page(request, desk, context, caller, policy, view)
    return desk.redirect(f"{PATH}/{policy_id}", ("success", _saved(changed, policy)))


@router.post("/{policy_id}/activity")
async def post_activity(
    desk: TheDesk, context: State, caller: SlaPageCaller, policy_id: UUID, form: AdminForm
) -> Response:
    """Deactivates the policy, so that no ticket gets it any more, or activates it again."""
    is_active = form.is_ticked("is_active")
    try:
        async with refusals():
            body = PolicyPatch.model_validate({"is_active": is_active})
            policy = await change_policy(context, caller, policy_id, body)
    except FormRefused as refused:
        return desk.redirect(f"{PATH}/{policy_id}", ("danger", refused.notice))
    done = (
        gettext("%(name)s is active again.", name=policy.name)
        if is_active
        else gettext(
            "%(name)s was deactivated: tickets that have it keep it, new ones do not get it.", name=policy.name
        )
    )
    return desk.redirect(PATH, ("success", done))


@router.post("/{policy_id}/versions/{version}/restore")
async def post_restore(
    desk: TheDesk,
    context: State,
    caller: SlaPageCaller,
    policy_id: UUID,
    version: Version,
    form: AdminForm,
) -> Response:
    """Makes an earlier version the newest."""
    path = f"{PATH}/{policy_id}"
    try:
        async with refusals():

            async def make(session: Session) -> PolicyView:
                return await restore_policy(session, policy_id, version, caller.person_id)

            await create(context, form.keyed(caller, f"{path}/versions/{version}/restore"), make)
    except FormRefused as refused:
        return desk.redirect(path, ("danger", refused.notice))
    return desk.redirect(path, ("success", gettext("Version %(version)s is back, as the newest.", version=version)))


def _saved(changed: PolicyView, before: PolicyView) -> str:
    if changed.version == before.version:
        return gettext("Nothing differs: no new version was made.")
    return gettext(
        "Saved as version %(version)s. Tickets keep the version they have; a roll-out gives them this one.",
        version=changed.version,
    )


async def _get_policy(context: AppState, policy_id: UUID) -> PolicyView:
    async with context.database.begin() as session:
        return policy_view(await get_current_policy(session, policy_id))


async def _form_page(
    request: Request, desk: DeskPages, context: AppState, caller: Caller, policy: PolicyView | None, view: FormView
) -> Response:
    async with context.database.begin() as session:
        calendars = await list_calendars(session)
        teams = await list_teams(session)
        agents = await list_agents(session)
        versions = await list_policy_versions(session, policy.id, SHOWN_VERSIONS + 1, None) if policy else None
        consequences = await deactivation.of_policy(session, policy.id) if policy else None
    names = {agent.id: agent.name for agent in agents}
    targets = [
        ("lead", gettext("The team's lead")),
        *((f"team:{team.slug}", gettext("Team %(name)s", name=team.name)) for team in teams if team.is_active),
        *((f"agent:{agent.id}", agent.name) for agent in agents if agent.is_active),
    ]
    return desk.render(
        request,
        "admin/policy.html",
        caller,
        view.status,
        notices=view.notices,
        policy=policy,
        view=view,
        calendars=[(calendar.slug, calendar.name) for calendar in calendars],
        targets=targets,
        steps=policy_form.step_numbers(view.values),
        versions=with_changes(versions.items, SHOWN_VERSIONS) if versions else [],
        names=names,
        consequences=consequences,
        **_words(),
    )


def _words() -> dict[str, Any]:
    return {
        "metrics": policy_form.METRICS,
        "metric_options": [(metric.value, metric_name(metric)) for metric in policy_form.METRICS],
        "priorities": policy_form.PRIORITIES,
        "target_field": policy_form.target_field,
        "times": policy_form.TIMES,
        "timers": policy_form.TIMERS,
        "actions": translated_options(policy_form.ACTIONS.items()),
        "moments": translated_options(policy_form.MOMENTS.items()),
    }
