"""Routes of what-ifs and staffing simulations that run in the background."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response
from starlette.status import HTTP_202_ACCEPTED

from services.assignment.analysis_runs.changed_verdicts import ChangedVerdicts, ChangeKind, changed_verdicts
from services.assignment.analysis_runs.commands import (
    cancel_run,
    get_run,
    list_runs,
    simulation_view,
    start_simulation,
    start_what_if,
    what_if_view,
)
from services.assignment.commands.configuration.administration import create
from services.assignment.deps import KeyedCall, ReportReader, State, TakesNothing
from services.assignment.schemas.analysis_runs import AnalysisKind, SimulationRunView, WhatIfRunView
from services.assignment.schemas.staffing import StaffingInput
from services.assignment.schemas.what_if import WhatIfInput
from shared.contracts.vocabulary import Metric
from shared.kit.db import Session
from shared.kit.http.paging import Limit, Page
from shared.kit.http.routers import HttpRouter
from shared.kit.http.strict_json import StrictJsonRoute

router = HttpRouter(tags=["analyses"], route_class=StrictJsonRoute)


@router.post(
    "/what-ifs",
    response_model=WhatIfRunView,
    status_code=HTTP_202_ACCEPTED,
    summary="Judge history under other rules in the background",
)
async def post_what_if(context: State, _: ReportReader, call: KeyedCall, body: WhatIfInput) -> Response:
    """As `POST /v1/reports/what-if`, for any number of tickets. Follow it with `GET /v1/what-ifs/{id}`."""

    async def start(session: Session) -> WhatIfRunView:
        return await start_what_if(session, call.caller, body)

    response = await create(context, call, start, HTTP_202_ACCEPTED)
    context.analyses.wake()
    return response


@router.get("/what-ifs", summary="Your what-ifs")
async def get_what_ifs(context: State, caller: ReportReader, limit: Limit = 50) -> Page[WhatIfRunView]:
    """Newest first, with their reports."""
    async with context.database.begin() as session:
        return Page(items=[what_if_view(run) for run in await list_runs(session, caller, AnalysisKind.WHAT_IF, limit)])


@router.get("/what-ifs/{run_id}", summary="One what-if")
async def get_what_if(context: State, caller: ReportReader, run_id: UUID) -> WhatIfRunView:
    """How far it has come, and its report once it is done."""
    async with context.database.begin() as session:
        return what_if_view(await get_run(session, caller, AnalysisKind.WHAT_IF, run_id))


@router.get("/what-ifs/{run_id}/tickets", summary="Tickets whose verdicts would be others")
async def get_what_if_tickets(
    context: State,
    caller: ReportReader,
    run_id: UUID,
    team_id: Annotated[UUID | None, Query(description="Of one team; left out, of all")] = None,
    metric: Annotated[Metric | None, Query(description="Of one metric; left out, of all")] = None,
    change: Annotated[ChangeKind | None, Query(description="Only those that change in this way")] = None,
) -> ChangedVerdicts:
    """Of the first 1,000 verdicts that would be others."""
    async with context.database.begin() as session:
        run = what_if_view(await get_run(session, caller, AnalysisKind.WHAT_IF, run_id))
    return changed_verdicts(run.report, team_id, metric, change)


@router.post("/what-ifs/{run_id}/cancel", dependencies=[TakesNothing], summary="Stop a what-if")
async def post_what_if_cancel(context: State, caller: ReportReader, run_id: UUID) -> WhatIfRunView:
    """One that has ended stays as it is."""
    async with context.database.begin() as session:
        return what_if_view(await cancel_run(session, caller, AnalysisKind.WHAT_IF, run_id))


@router.post(
    "/simulations",
    response_model=SimulationRunView,
    status_code=HTTP_202_ACCEPTED,
    summary="Simulate which attainment a number of agents holds",
)
async def post_simulation(context: State, _: ReportReader, call: KeyedCall, body: StaffingInput) -> Response:
    """Runs the rules of routing and SLA over arrivals of the log, or over generated ones, in compressed time.

    Follow it with `GET /v1/simulations/{id}`.
    """

    async def start(session: Session) -> SimulationRunView:
        return await start_simulation(session, call.caller, body)

    response = await create(context, call, start, HTTP_202_ACCEPTED)
    context.analyses.wake()
    return response


@router.get("/simulations", summary="Your staffing simulations")
async def get_simulations(context: State, caller: ReportReader, limit: Limit = 50) -> Page[SimulationRunView]:
    """Newest first, with their reports."""
    async with context.database.begin() as session:
        runs = await list_runs(session, caller, AnalysisKind.STAFFING, limit)
        return Page(items=[simulation_view(run) for run in runs])


@router.get("/simulations/{run_id}", summary="One staffing simulation")
async def get_simulation(context: State, caller: ReportReader, run_id: UUID) -> SimulationRunView:
    """How far it has come, and its report once it is done."""
    async with context.database.begin() as session:
        return simulation_view(await get_run(session, caller, AnalysisKind.STAFFING, run_id))


@router.post("/simulations/{run_id}/cancel", dependencies=[TakesNothing], summary="Stop a staffing simulation")
async def post_simulation_cancel(context: State, caller: ReportReader, run_id: UUID) -> SimulationRunView:
    """One that has ended stays as it is."""
    async with context.database.begin() as session:
        return simulation_view(await cancel_run(session, caller, AnalysisKind.STAFFING, run_id))
