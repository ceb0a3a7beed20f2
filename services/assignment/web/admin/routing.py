"""Administration pages of the routing rules: the table in order, moved, edited and removed."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from sqlalchemy import select

from services.assignment.app_state import AppState
from services.assignment.commands.administration import create
from services.assignment.commands.rules import change_rule, create_rule, delete_rule, move_rule
from services.assignment.deps import State
from services.assignment.models import RoutingRule, Topic
from services.assignment.queries.callers import Caller
from services.assignment.queries.configuration import list_policies, list_rules, rule_view
from services.assignment.queries.people import list_teams
from services.assignment.schemas.routing_rules import RoutingRuleInput, RoutingRulePatch, RoutingRuleView
from services.assignment.web.admin.sections import RoutingPageCaller
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
from shared.contracts.vocabulary import Priority
from shared.kit.db import Session
from shared.kit.http.problems import not_found

PATH = "/admin/routing-rules"
router = APIRouter(prefix=PATH, route_class=DeskPageRoute)

GAP = 10
"""Between the positions of new rules, so that one can be put in between by the API."""


@router.get("")
async def show_rules(request: Request, desk: TheDesk, context: State, caller: RoutingPageCaller) -> Response:
    """The rules in the order in which they are tried."""
    async with context.database.begin() as session:
        rules = await list_rules(session)
        teams = await list_teams(session)
        policies = {policy.id: policy.name for policy in await list_policies(session)}
        topics = await _topics(session)
    return desk.render(
        request,
        "admin/rules.html",
        caller,
        rules=rules,
        teams={team.id: team for team in teams},
        fallback=next((team for team in teams if team.is_fallback), None),
        policies=policies,
        topics=dict(topics),
    )


@router.get("/new")
async def show_new_rule(request: Request, desk: TheDesk, context: State, caller: RoutingPageCaller) -> Response:
    """An empty form."""
    return await _form_page(request, desk, context, caller, None, fresh_form())


@router.post("/new")
async def post_rule(
    request: Request, desk: TheDesk, context: State, caller: RoutingPageCaller, form: AdminForm
) -> Response:
    """Adds the rule as the last, or shows the form again."""
    async with context.database.begin() as session:
        rules = await list_rules(session)
    position = rules[-1].position + GAP if rules else GAP
    try:
        async with refusals():
            body = RoutingRuleInput.model_validate(_fields(form) | {"position": position})
            await create(context, form.keyed(caller, PATH), lambda session: create_rule(session, body))
    except FormRefused as refused:
        return await _form_page(request, desk, context, caller, None, refused_form(form, refused, form.typed))
    return desk.redirect(PATH, ("success", "The rule was added as the last one. Move it to where it is to be tried."))


@router.get("/{rule_id}")
async def show_rule(
    request: Request, desk: TheDesk, context: State, caller: RoutingPageCaller, rule_id: UUID
) -> Response:
    """The form of one rule. Raises Problem 404."""
    rule = await _get_rule(context, rule_id)
    return await _form_page(request, desk, context, caller, rule, fresh_form(_values_of(rule)))


@router.post("/{rule_id}")
async def post_changes(
    request: Request, desk: TheDesk, context: State, caller: RoutingPageCaller, rule_id: UUID, form: AdminForm
) -> Response:
    """Saves the form, or shows it again."""
    rule = await _get_rule(context, rule_id)
    try:
        async with refusals():
            check_unchanged(form, rule.version)
            await change_rule(context, caller, rule_id, RoutingRulePatch.model_validate(_fields(form)))
    except FormRefused as refused:
        return await _form_page(request, desk, context, caller, rule, refused_form(form, refused, form.typed))
    return desk.redirect(PATH, ("success", "The rule was saved. It counts for tickets to come."))


@router.post("/{rule_id}/move")
async def post_move(
    desk: TheDesk, context: State, caller: RoutingPageCaller, rule_id: UUID, form: AdminForm
) -> Response:
    """Lets the rule change places with the one before or after it."""
    await move_rule(context, caller, rule_id, is_up=form.text("to") == "up")
    return desk.redirect(PATH, ("success", "The order was changed."))


@router.post("/{rule_id}/remove")
async def post_removal(
    desk: TheDesk, context: State, caller: RoutingPageCaller, rule_id: UUID, __: AdminForm
) -> Response:
    """Removes the rule."""
    await delete_rule(context, caller, rule_id)
    return desk.redirect(PATH, ("success", "The rule was removed. Tickets that it routed stay where they are."))


async def _get_rule(context: AppState, rule_id: UUID) -> RoutingRuleView:
    async with context.database.begin() as session:
        rule = await session.get(RoutingRule, rule_id)
    if rule is None:
        raise not_found("routing rule")
    return rule_view(rule)


async def _topics(session: Session) -> list[tuple[str, str]]:
    rows = await session.execute(select(Topic.slug, Topic.name).where(Topic.is_active).order_by(Topic.name))
    return [(row.slug, row.name) for row in rows]


async def _form_page(
    request: Request, desk: DeskPages, context: AppState, caller: Caller, rule: RoutingRuleView | None, view: FormView
) -> Response:
    async with context.database.begin() as session:
        teams = await list_teams(session)
        policies = await list_policies(session)
        topics = await _topics(session)
    chosen = view.value("topic")
    if chosen and chosen not in dict(topics):
        topics.append((chosen, f"{chosen} (not active)"))
    return desk.render(
        request,
        "admin/rule.html",
        caller,
        view.status,
        notices=view.notices,
        rule=rule,
        view=view,
        topics=topics,
        teams=[(str(team.id), team.name) for team in teams if team.is_active],
        policies=[(str(policy.id), policy.name) for policy in policies if policy.is_active],
        priorities=[(priority.value, priority.value.capitalize()) for priority in reversed(Priority)],
    )


def _fields(form: SubmittedForm) -> dict[str, Any]:
    return {
        **{name: form.optional(name) for name in ("topic", "priority", "policy_id", "set_priority")},
        "team_id": form.text("team_id"),
        "skills": tuple(form.text("skills").lower().replace(",", " ").split()),
    }


def _values_of(rule: RoutingRuleView) -> dict[str, Any]:
    values = {name: getattr(rule, name) for name in ("topic", "priority", "policy_id", "set_priority", "team_id")}
    return {name: value or "" for name, value in values.items()} | {
        "skills": ", ".join(rule.skills),
        "version": rule.version,
    }
