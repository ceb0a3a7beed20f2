"""Administration pages of the routing rules: the table in order, moved, edited, tried and removed."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import Request, Response
from sqlalchemy import select

from services.assignment.app_state import AppState
from services.assignment.commands.configuration.administration import create
from services.assignment.commands.configuration.routing_trials import preview_rule
from services.assignment.commands.configuration.rules import (
    change_rule,
    create_rule,
    delete_rule,
    move_rule,
    order_rules,
)
from services.assignment.deps import State
from services.assignment.models import Topic
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.administration.configuration import get_rule_view, list_policies, list_rules
from services.assignment.queries.people.people import list_agents, list_teams
from services.assignment.schemas.routing_rules import RoutingRuleInput, RoutingRulePatch, RoutingRuleView
from services.assignment.schemas.simulations import RulePreview, RulePreviewInput
from services.assignment.web.admin.condition_form import (
    ConditionForm,
    edited,
    field_of,
    form_of,
    read_form,
    without_blanks,
)
from services.assignment.web.admin.rule_form import MODES, fields_of, values_of
from services.assignment.web.admin.rule_words import CHANGED, words_of
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
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext, translated_options
from shared.kit.i18n.vocabulary import priority_name

PATH = "/admin/routing-rules"
router = HttpRouter(prefix=PATH, route_class=DeskPageRoute)

PREVIEWED = (20, 50, 100, 200)
"""Numbers of tickets that a preview may look at."""
NEW_RULE = {"stop": "1", "mode": "active"}


@dataclass(frozen=True, slots=True)
class RulePage:
    """What the form's page shows."""

    rule: RoutingRuleView | None
    view: FormView
    conditions: ConditionForm
    preview: RulePreview | None = None


@router.get("")
async def show_rules(request: Request, desk: TheDesk, context: State, caller: RoutingPageCaller) -> Response:
    """The rules in the order in which they are tried."""
    async with context.database.begin() as session:
        rules = await list_rules(session)
        names = await names_in_rules(session)
        fallback = next((team for team in await list_teams(session) if team.is_fallback), None)
        topics = dict(await _topics(session))
    words = {rule.id: words_of(rule, topics) for rule in rules}
    return desk.render(request, "admin/rules.html", caller, rules=rules, words=words, names=names, fallback=fallback)


@router.post("/order")
async def post_order(desk: TheDesk, context: State, caller: RoutingPageCaller, form: AdminForm) -> Response:
    """Puts the rules into the order in which they were dragged."""
    ids = [UUID(one) for one in form.all("rule_ids") if _is_id(one)]
    await order_rules(context, caller, ids)
    return desk.redirect(PATH, ("success", gettext("The order was changed.")))


@router.get("/new")
async def show_new_rule(request: Request, desk: TheDesk, context: State, caller: RoutingPageCaller) -> Response:
    """An empty form."""
    return await _form_page(request, desk, context, caller, RulePage(None, fresh_form(NEW_RULE), ConditionForm()))


@router.post("/new")
async def post_rule(
    request: Request, desk: TheDesk, context: State, caller: RoutingPageCaller, form: AdminForm
) -> Response:
    """Adds the rule as the last, or shows the form again."""
    if form.text("edit"):
        return await _edit(request, desk, context, caller, None, form)
    try:
        async with refusals(field_of):
            body = RoutingRuleInput.model_validate(fields_of(form))
            await create(context, form.keyed(caller, PATH), lambda session: create_rule(session, body))
    except FormRefused as refused:
        page = RulePage(None, refused_form(form, refused, form.typed), without_blanks(read_form(form)))
        return await _form_page(request, desk, context, caller, page)
    return desk.redirect(
        PATH, ("success", gettext("The rule was added as the last one. Move it to where it is to be tried."))
    )


@router.get("/{rule_id}")
async def show_rule(
    request: Request, desk: TheDesk, context: State, caller: RoutingPageCaller, rule_id: UUID
) -> Response:
    """The form of one rule. Raises Problem 404."""
    rule = await _get_rule(context, rule_id)
    page = RulePage(rule, fresh_form(values_of(rule)), form_of(rule.conditions))
    return await _form_page(request, desk, context, caller, page)


@router.post("/{rule_id}")
async def post_changes(
    request: Request, desk: TheDesk, context: State, caller: RoutingPageCaller, rule_id: UUID, form: AdminForm
) -> Response:
    """Saves the form, or shows it again."""
    rule = await _get_rule(context, rule_id)
    if form.text("edit"):
        return await _edit(request, desk, context, caller, rule, form)
    try:
        async with refusals(field_of):
            check_unchanged(form, rule.version)
            await change_rule(context, caller, rule_id, RoutingRulePatch.model_validate(fields_of(form, rule)))
    except FormRefused as refused:
        page = RulePage(rule, refused_form(form, refused, form.typed), without_blanks(read_form(form)))
        return await _form_page(request, desk, context, caller, page)
    return desk.redirect(PATH, ("success", gettext("The rule was saved. It counts for tickets to come.")))


@router.post("/{rule_id}/move")
async def post_move(
    desk: TheDesk, context: State, caller: RoutingPageCaller, rule_id: UUID, form: AdminForm
) -> Response:
    """Lets the rule change places with the one before or after it."""
    await move_rule(context, caller, rule_id, is_up=form.text("to") == "up")
    return desk.redirect(PATH, ("success", gettext("The order was changed.")))


@router.post("/{rule_id}/remove")
async def post_removal(
    desk: TheDesk, context: State, caller: RoutingPageCaller, rule_id: UUID, __: AdminForm
) -> Response:
    """Removes the rule."""
    await delete_rule(context, caller, rule_id)
    return desk.redirect(
        PATH, ("success", gettext("The rule was removed. Tickets that it routed stay where they are."))
    )


async def _edit(
    request: Request,
    desk: DeskPages,
    context: AppState,
    caller: Caller,
    rule: RoutingRuleView | None,
    form: SubmittedForm,
) -> Response:
    """The form again, after a button that saves nothing: a row more or less, or a preview."""
    rows, view, seen = edited(read_form(form), form.text("edit")), _typed(form), None
    if form.text("edit") == "preview":
        rows = without_blanks(rows)
        try:
            async with refusals(field_of):
                draft = RoutingRuleInput.model_validate(fields_of(form, rule))
                asked = RulePreviewInput(rule=draft, rule_id=rule.id if rule else None, last=_previewed(form))
                seen = await preview_rule(context, caller, asked)
        except FormRefused as refused:
            view = refused_form(form, refused, form.typed)
    return await _form_page(request, desk, context, caller, RulePage(rule, view, rows, seen))


def _previewed(form: SubmittedForm) -> int:
    asked = form.number("last")
    return asked if asked in PREVIEWED else 100


def _typed(form: SubmittedForm) -> FormView:
    return FormView(form.typed, form_id=form.text("form_id"))


async def _get_rule(context: AppState, rule_id: UUID) -> RoutingRuleView:
    async with context.database.begin() as session:
        return await get_rule_view(session, rule_id)


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


async def _topics(session: Session) -> list[tuple[str, str]]:
    rows = await session.execute(select(Topic.slug, Topic.name).where(Topic.is_active).order_by(Topic.name))
    return [(row.slug, row.name) for row in rows]


async def names_in_rules(session: Session) -> dict[UUID, str]:
    """Of everything that rules name."""
    names = {team.id: team.name for team in await list_teams(session)}
    names |= {policy.id: policy.name for policy in await list_policies(session)}
    return names | {agent.id: agent.name for agent in await list_agents(session)}


async def _form_page(request: Request, desk: DeskPages, context: AppState, caller: Caller, page: RulePage) -> Response:
    view = page.view
    async with context.database.begin() as session:
        teams, policies = await list_teams(session), await list_policies(session)
        agents, topics = await list_agents(session), await _topics(session)
        names = await names_in_rules(session)
    chosen = view.value("topic")
    if chosen and chosen not in dict(topics):
        topics.append((chosen, gettext("%(name)s (not active)", name=chosen)))
    values: dict[str, Any] = {"rule": page.rule, "view": view, "rows": page.conditions, "preview": page.preview}
    return desk.render(
        request,
        "admin/rule.html",
        caller,
        view.status,
        notices=view.notices,
        names=names,
        changed=CHANGED,
        kept_words=words_of(page.rule, {}) if page.rule and page.conditions.kept else "",
        modes=translated_options(MODES),
        previewed=[(str(many), gettext("%(count)s tickets", count=many)) for many in PREVIEWED],
        topics=topics,
        teams=[(str(team.id), team.name) for team in teams if team.is_active],
        agents=[(str(agent.id), agent.name) for agent in agents if agent.is_active],
        policies=[(str(policy.id), policy.name) for policy in policies if policy.is_active],
        priorities=[(priority.value, priority_name(priority)) for priority in reversed(Priority)],
        **values,
    )
