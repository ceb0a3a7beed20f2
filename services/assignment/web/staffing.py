"""Pages of staffing simulations: what is simulated, and the attainment that each number of agents holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from fastapi import Request, Response
from pydantic_core import to_json
from starlette.status import HTTP_202_ACCEPTED

from services.assignment.analysis_runs.commands import (
    cancel_run,
    get_run,
    list_runs,
    simulation_view,
    start_simulation,
)
from services.assignment.app_state import AppState
from services.assignment.commands.configuration.administration import create
from services.assignment.deps import State
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.administration.configuration import list_calendars, list_policies
from services.assignment.queries.people.people import list_teams
from services.assignment.schemas.analysis_runs import AnalysisKind, SimulationRunView
from services.assignment.schemas.staffing import StaffingInput, StaffingReport
from services.assignment.web import staffing_form
from services.assignment.web.admin.submitted_form import (
    AdminForm,
    FormRefused,
    FormView,
    fresh_form,
    refusals,
    refused_form,
)
from services.assignment.web.page_base import DeskPageRoute, DeskPages, TheDesk
from services.assignment.web.report_access import SHOWN_RUNS, ReportPageCaller, id_in
from shared.contracts.vocabulary import Priority
from shared.kit.db import Session
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext, translated_options

PATH = "/reports/staffing"
router = HttpRouter(prefix=PATH, route_class=DeskPageRoute)
WIDTH, HEIGHT, LEFT, MARGIN = 600, 220, 70, 12
"""Of a chart: its numbers stand left of it and below."""
WHOLE = 100.0


@router.get("")
async def show_form(
    request: Request, desk: TheDesk, context: State, caller: ReportPageCaller, like: UUID | None = None
) -> Response:
    """The form, filled in as usual or as for an earlier run."""
    asked = staffing_form.BLANK
    if like is not None:
        asked = (await _run(context, caller, like)).question
    return await _form_page(request, desk, context, caller, fresh_form(staffing_form.staffing_values(asked)))


@router.post("")
async def post_form(
    request: Request, desk: TheDesk, context: State, caller: ReportPageCaller, form: AdminForm
) -> Response:
    """Starts the simulation, or shows the form again."""
    try:
        async with refusals(staffing_form.field_of):
            asked = StaffingInput.model_validate_json(to_json(staffing_form.staffing_fields(form)))

            async def start(session: Session) -> SimulationRunView:
                return await start_simulation(session, caller, asked)

            made = await create(context, form.keyed(caller, PATH), start, HTTP_202_ACCEPTED)
    except FormRefused as refused:
        view = refused_form(form, refused, staffing_form.typed_staffing(form))
        return await _form_page(request, desk, context, caller, view)
    context.analyses.wake()
    return desk.redirect(f"{PATH}/{id_in(made)}")


@router.get("/{run_id}")
async def show_run(request: Request, desk: TheDesk, context: State, caller: ReportPageCaller, run_id: UUID) -> Response:
    """How far it has come, then its table and curves. Raises Problem 404."""
    run = await _run(context, caller, run_id)
    return desk.render(
        request,
        "reports/staffing.html",
        caller,
        run=run,
        strategies=staffing_form.STRATEGIES,
        attainment=attainment_chart(run.report) if run.report else None,
        waits=wait_chart(run.report) if run.report else None,
        path=f"{PATH}/{run_id}",
    )


@router.post("/{run_id}/cancel")
async def post_cancel(desk: TheDesk, context: State, caller: ReportPageCaller, run_id: UUID, _: AdminForm) -> Response:
    """Stops it. Raises Problem 404."""
    async with context.database.begin() as session:
        await cancel_run(session, caller, AnalysisKind.STAFFING, run_id)
    return desk.redirect(f"{PATH}/{run_id}", ("success", gettext("The simulation was stopped.")))


@dataclass(frozen=True, slots=True)
class CurveDot:
    """One point of a curve: where it is drawn, and what it stands for."""

    x: float
    y: float
    agents: int
    value: float


@dataclass(frozen=True, slots=True)
class StaffingCurve:
    """One line of a chart over the number of agents."""

    name: str
    """A metric, or `wait`."""
    dots: list[CurveDot]


@dataclass(frozen=True, slots=True)
class StaffingChart:
    """The lines of a chart, and its highest value."""

    curves: list[StaffingCurve]
    highest: float


def attainment_chart(report: StaffingReport) -> StaffingChart:
    """The attainment of each metric that promises anything."""
    values = {
        metric.metric.value: [(point.agents, point.metrics[nth].attainment) for point in report.points]
        for nth, metric in enumerate(report.points[0].metrics)
    }
    curves = [_curve(name, known, WHOLE) for name, line in values.items() if (known := _known(line))]
    return StaffingChart(curves, WHOLE)


def wait_chart(report: StaffingReport) -> StaffingChart:
    """The 90th percentile of the wait."""
    line = [(point.agents, point.p90_wait_seconds) for point in report.points]
    highest = max(wait for _, wait in line) or 1.0
    return StaffingChart([_curve("wait", line, highest)], highest)


def _known(line: Sequence[tuple[int, float | None]]) -> list[tuple[int, float]]:
    return [(agents, value) for agents, value in line if value is not None]


def _curve(name: str, line: Sequence[tuple[int, float]], highest: float) -> StaffingCurve:
    least, most = line[0][0], line[-1][0]
    dots = [
        CurveDot(
            x=round(LEFT + (WIDTH - LEFT - MARGIN) * (agents - least) / max(1, most - least), 1),
            y=round(MARGIN + (HEIGHT - 3 * MARGIN) * (1 - value / highest), 1),
            agents=agents,
            value=value,
        )
        for agents, value in line
    ]
    return StaffingCurve(name, dots)


async def _run(context: AppState, caller: Caller, run_id: UUID) -> SimulationRunView:
    async with context.database.begin() as session:
        return simulation_view(await get_run(session, caller, AnalysisKind.STAFFING, run_id))


async def _form_page(request: Request, desk: DeskPages, context: AppState, caller: Caller, view: FormView) -> Response:
    async with context.database.begin() as session:
        policies, calendars = await list_policies(session), await list_calendars(session)
        teams = await list_teams(session)
        runs = await list_runs(session, caller, AnalysisKind.STAFFING, SHOWN_RUNS)
    return desk.render(
        request,
        "reports/staffing_form.html",
        caller,
        view.status,
        notices=view.notices,
        view=view,
        teams=[(one.slug, one.name) for one in teams if one.is_active],
        policies=[(str(one.id), one.name) for one in policies],
        calendars=[(one.slug, one.name) for one in calendars],
        priorities=list(reversed(Priority)),
        arrivals=translated_options(staffing_form.ARRIVALS.items()),
        handling=translated_options(staffing_form.HANDLING.items()),
        distributions=translated_options(staffing_form.DISTRIBUTIONS.items()),
        strategies=translated_options(staffing_form.STRATEGIES.items()),
        runs=[simulation_view(run) for run in runs],
    )
