"""Pages of staffing simulations: what is simulated, and the attainment that each number of agents holds."""

from dataclasses import dataclass
from uuid import UUID

from fastapi import APIRouter, Request, Response
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
from services.assignment.commands.administration import create
from services.assignment.deps import State
from services.assignment.queries.callers import Caller
from services.assignment.queries.configuration import list_calendars, list_policies
from services.assignment.queries.people import list_teams
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
from services.assignment.web.report_access import SHOWN_RUNS, WORDS, ReportPageCaller, id_in
from shared.contracts.vocabulary import Priority
from shared.kit.db import Session

PATH = "/reports/staffing"
router = APIRouter(prefix=PATH, route_class=DeskPageRoute)
WIDTH, HEIGHT, LEFT, TOP = 600, 220, 50, 12


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
        words=WORDS,
        curves=curves_of(run.report) if run.report else [],
        path=f"{PATH}/{run_id}",
    )


@router.post("/{run_id}/cancel")
async def post_cancel(desk: TheDesk, context: State, caller: ReportPageCaller, run_id: UUID, _: AdminForm) -> Response:
    """Stops it. Raises Problem 404."""
    async with context.database.begin() as session:
        await cancel_run(session, caller, AnalysisKind.STAFFING, run_id)
    return desk.redirect(f"{PATH}/{run_id}", ("success", "The simulation was stopped."))


@dataclass(frozen=True, slots=True)
class CurveDot:
    """One point of a curve: where it is drawn, and what it stands for."""

    x: float
    y: float
    agents: int
    value: float


@dataclass(frozen=True, slots=True)
class StaffingCurve:
    """The attainment of one metric over the number of agents."""

    metric: str
    dots: list[CurveDot]


def curves_of(report: StaffingReport) -> list[StaffingCurve]:
    """A curve for each metric that promises anything."""
    least, most = report.points[0].agents, report.points[-1].agents
    curves = []
    for nth, metric in enumerate(report.points[0].metrics):
        dots = [
            CurveDot(
                x=round(LEFT + (WIDTH - LEFT - TOP) * (point.agents - least) / max(1, most - least), 1),
                y=round(TOP + (HEIGHT - 3 * TOP) * (1 - value / 100), 1),
                agents=point.agents,
                value=value,
            )
            for point in report.points
            if (value := point.metrics[nth].attainment) is not None
        ]
        if dots:
            curves.append(StaffingCurve(metric.metric.value, dots))
    return curves


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
        arrivals=list(staffing_form.ARRIVALS.items()),
        handling=list(staffing_form.HANDLING.items()),
        distributions=list(staffing_form.DISTRIBUTIONS.items()),
        strategies=list(staffing_form.STRATEGIES.items()),
        runs=[simulation_view(run) for run in runs],
    )
