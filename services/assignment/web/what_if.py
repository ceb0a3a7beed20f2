"""Pages of what-ifs: choose a policy, change it, see what attainment would have been, and roll it out."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response
from pydantic_core import to_json
from starlette.status import HTTP_202_ACCEPTED

from services.assignment.analysis_runs.adoption import adopt
from services.assignment.analysis_runs.changed_verdicts import ChangeKind, changed_verdicts
from services.assignment.analysis_runs.commands import cancel_run, get_run, list_runs, start_what_if, what_if_view
from services.assignment.app_state import AppState
from services.assignment.commands.configuration.administration import create
from services.assignment.deps import State
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.administration.configuration import list_calendars, list_policies
from services.assignment.schemas.analysis_runs import AnalysisKind, WhatIfRunView
from services.assignment.schemas.rules import CalendarView, PolicyView
from services.assignment.schemas.what_if import WhatIfInput
from services.assignment.web.admin import calendar_form, policy_form
from services.assignment.web.admin.sections import SlaPageCaller
from services.assignment.web.admin.submitted_form import (
    AdminForm,
    FormRefused,
    FormView,
    SubmittedForm,
    fresh_form,
    refusals,
    refused_form,
)
from services.assignment.web.page_base import DeskPageRoute, DeskPages, TheDesk
from services.assignment.web.report_access import (
    QUARTER,
    SHOWN_RUNS,
    SPANS,
    ReportPageCaller,
    id_in,
    period_in,
)
from services.assignment.web.weekdays import DAYS
from shared.contracts.calendars import BusinessCalendar
from shared.contracts.policies import SlaPolicy
from shared.contracts.vocabulary import Metric, Permission
from shared.domain.permissions import holds
from shared.kit.db import Session
from shared.kit.http.problems import not_found
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext, marked, translated_options

PATH = "/reports/what-if"
router = HttpRouter(prefix=PATH, route_class=DeskPageRoute)
CHANGES = {
    ChangeKind.TO_MET: marked("breached before, met then"),
    ChangeKind.TO_BREACHED: marked("met before, breached then"),
    ChangeKind.OTHER: marked("changed otherwise"),
}
OpaqueId = Annotated[str, Query(max_length=64)]


@router.get("")
async def show_form(
    request: Request,
    desk: TheDesk,
    context: State,
    caller: ReportPageCaller,
    policy: OpaqueId = "",
    calendar: OpaqueId = "",
) -> Response:
    """The rules of a policy as they are, to be changed."""
    chosen = await _chosen(context, policy, calendar)
    view = fresh_form(_values(chosen)) if chosen else fresh_form()
    return await _form_page(request, desk, context, caller, chosen, view)


@router.post("")
async def post_form(
    request: Request, desk: TheDesk, context: State, caller: ReportPageCaller, form: AdminForm
) -> Response:
    """Starts the what-if, or shows the form again. Raises Problem 404 for a policy that is not there."""
    chosen = await _chosen(context, form.text("policy"), form.text("calendar"))
    if chosen is None:
        raise not_found("SLA policy")
    try:
        async with refusals(_field_of):
            asked = _question(form, chosen, context.settings.time_zone)

            async def start(session: Session) -> WhatIfRunView:
                return await start_what_if(session, caller, asked)

            made = await create(context, form.keyed(caller, PATH), start, HTTP_202_ACCEPTED)
    except FormRefused as refused:
        view = refused_form(form, refused, form.typed)
        return await _form_page(request, desk, context, caller, chosen, view)
    context.analyses.wake()
    return desk.redirect(f"{PATH}/{id_in(made)}")


@router.get("/{run_id}")
async def show_run(request: Request, desk: TheDesk, context: State, caller: ReportPageCaller, run_id: UUID) -> Response:
    """How far it has come, and what would have been. Raises Problem 404."""
    run = await _run(context, caller, run_id)
    return desk.render(
        request,
        "reports/what_if.html",
        caller,
        run=run,
        metrics=policy_form.METRICS,
        priorities=policy_form.PRIORITIES,
        asked=policy_form.policy_values(run.question.policy),
        target_field=policy_form.target_field,
        week=calendar_form.week_bars(run.question.calendar) if run.question.calendar else (),
        may_roll_out=holds(caller.principal, Permission.ADMIN_SLA),
        path=f"{PATH}/{run_id}",
    )


@router.get("/{run_id}/tickets")
async def show_tickets(
    request: Request,
    desk: TheDesk,
    context: State,
    caller: ReportPageCaller,
    run_id: UUID,
    team: OpaqueId = "",
    metric: OpaqueId = "",
    change: OpaqueId = "",
) -> Response:
    """The tickets whose verdicts would be others. Raises Problem 404."""
    run = await _run(context, caller, run_id)
    narrowed = (
        _uuid(team),
        Metric(metric) if metric in set(Metric) else None,
        ChangeKind(change) if change in set(ChangeKind) else None,
    )
    return desk.render(
        request,
        "reports/what_if_tickets.html",
        caller,
        run=run,
        found=changed_verdicts(run.report, *narrowed),
        narrowed=narrowed,
        changes=CHANGES,
        back=f"{PATH}/{run_id}",
    )


@router.post("/{run_id}/cancel")
async def post_cancel(desk: TheDesk, context: State, caller: ReportPageCaller, run_id: UUID, _: AdminForm) -> Response:
    """Stops it. Raises Problem 404."""
    async with context.database.begin() as session:
        await cancel_run(session, caller, AnalysisKind.WHAT_IF, run_id)
    return desk.redirect(f"{PATH}/{run_id}", ("success", gettext("The what-if was stopped.")))


@router.post("/{run_id}/roll-out")
async def post_roll_out(desk: TheDesk, context: State, caller: SlaPageCaller, run_id: UUID, _: AdminForm) -> Response:
    """Saves the rules as the newest version, and goes on to the roll-out of running tickets. Raises Problem 404."""
    run = await _run(context, caller, run_id)
    try:
        async with refusals():
            policy = await adopt(context, caller, run)
    except FormRefused as refused:
        text = refused.notice or "; ".join(text for _, text in refused.errors)
        return desk.redirect(f"{PATH}/{run_id}", ("danger", text))
    saved = gettext(
        "New tickets get version %(version)s of %(name)s. Now decide what it means for running ones.",
        version=policy.version,
        name=policy.name,
    )
    return desk.redirect(f"/admin/sla-policies/{policy.id}/rollouts", ("success", saved))


async def _run(context: AppState, caller: Caller, run_id: UUID) -> WhatIfRunView:
    async with context.database.begin() as session:
        return what_if_view(await get_run(session, caller, AnalysisKind.WHAT_IF, run_id))


Chosen = tuple[PolicyView, CalendarView]


async def _chosen(context: AppState, policy_id: str, slug: str) -> Chosen | None:
    """The policy and the calendar to begin with: the default one, and that of the policy, where none is named."""
    async with context.database.begin() as session:
        policies, calendars = await list_policies(session), await list_calendars(session)
    if not policies:
        return None
    named = _uuid(policy_id)
    policy = next((one for one in policies if one.id == named), None if policy_id else policies[0])
    if policy is None:
        raise not_found("SLA policy")
    calendar = next((one for one in calendars if one.slug == (slug or policy.calendar)), None)
    if calendar is None:
        raise not_found("calendar")
    return policy, calendar


def _values(chosen: Chosen) -> Mapping[str, Any]:
    policy, calendar = chosen
    values = policy_form.policy_values(policy) | calendar_form.calendar_values(calendar)
    return values | {"days": str(QUARTER), "from": "", "to": ""}


def _question(form: SubmittedForm, chosen: Chosen, zone: str) -> WhatIfInput:
    """What the form asks. Raises FormRefused and ValidationError."""
    policy, calendar = chosen
    since, until = period_in(form, zone)
    changed = {
        "targets": policy_form.policy_fields(form)["targets"],
        "pause_on_hold": form.is_ticked("pause_on_hold"),
        "calendar": calendar.slug,
    }
    hours = BusinessCalendar.model_validate_json(calendar.model_dump_json(include=set(BusinessCalendar.model_fields)))
    weekly = {"weekly": calendar_form.calendar_fields(form)["weekly"]}
    asked = BusinessCalendar.model_validate_json(to_json(hours.model_dump(mode="json") | weekly))
    body = policy.model_dump(mode="json", include=set(SlaPolicy.model_fields)) | changed
    question = {"policy": body, "replaces": str(policy.id), "from": since, "to": until}
    if asked != hours:
        question["calendar"] = asked.model_dump(mode="json")
    return WhatIfInput.model_validate_json(to_json(question))


def _field_of(place: tuple[Any, ...]) -> str:
    if place and place[0] == "policy":
        return policy_form.field_of(place[1:])
    return calendar_form.field_of(place[1:] if place and place[0] == "calendar" else place)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


async def _form_page(
    request: Request, desk: DeskPages, context: AppState, caller: Caller, chosen: Chosen | None, view: FormView
) -> Response:
    async with context.database.begin() as session:
        policies, calendars = await list_policies(session), await list_calendars(session)
        runs = await list_runs(session, caller, AnalysisKind.WHAT_IF, SHOWN_RUNS)
    return desk.render(
        request,
        "reports/what_if_form.html",
        caller,
        view.status,
        notices=view.notices,
        chosen=chosen,
        view=view,
        policies=[(str(one.id), one.name) for one in policies],
        calendars=[(one.slug, one.name) for one in calendars],
        metrics=policy_form.METRICS,
        priorities=policy_form.PRIORITIES,
        target_field=policy_form.target_field,
        days=DAYS,
        spans=translated_options(SPANS.items()),
        runs=[what_if_view(run) for run in runs],
    )
