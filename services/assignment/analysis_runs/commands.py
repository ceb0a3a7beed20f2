"""Creates, reads and cancels background analyses (what-ifs and staffing simulations)."""

from datetime import timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel
from sqlalchemy import ColumnElement, delete, func, select

from services.assignment.analysis_runs.tasks import AnalysisScope
from services.assignment.models import AnalysisRun
from services.assignment.queries.access.callers import Caller
from services.assignment.schemas.analysis_runs import AnalysisKind, AnalysisView, SimulationRunView, WhatIfRunView
from services.assignment.schemas.desk import JobState
from services.assignment.schemas.staffing import StaffingInput, StaffingReport
from services.assignment.schemas.what_if import WhatIfInput, WhatIfReport
from services.assignment.sla_analysis.candidate_rules import CandidateRules
from services.assignment.sla_analysis.policy_history import PolicyHistory
from services.assignment.staffing.scenarios import StaffingQuestion, check_names
from shared.contracts.vocabulary import Permission
from shared.domain.permissions import reach
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Session
from shared.kit.http.problems import Problem, not_found

UNDER_WAY: Final = (JobState.QUEUED.value, JobState.RUNNING.value)
MOST_RUNS: Final = 3
"""Of one owner, under way together."""
KEPT: Final = timedelta(days=30)


async def start_what_if(session: Session, caller: Caller, asked: WhatIfInput) -> WhatIfRunView:
    """Writes a what-if down, to be run. Raises Problem 404 and 422 for rules of no use, 409 for too many at once."""
    await CandidateRules.of(await session.connection(), asked, PolicyHistory())
    return what_if_view(await _start(session, caller, AnalysisKind.WHAT_IF, asked))


async def start_simulation(session: Session, caller: Caller, asked: StaffingInput) -> SimulationRunView:
    """Writes a simulation down, to be run. Raises Problem 404 and 422 for unknown names, 409 for too many at once."""
    question = StaffingQuestion(asked, scope_of(caller).visibility, ZoneInfo("UTC"), utc_now())
    await check_names(await session.connection(), question)
    return simulation_view(await _start(session, caller, AnalysisKind.STAFFING, asked))


async def _start(session: Session, caller: Caller, kind: AnalysisKind, question: BaseModel) -> AnalysisRun:
    await _refuse_too_many(session, caller)
    run = AnalysisRun(
        id=new_id(),
        kind=kind.value,
        owner_id=caller.agent_id,
        scope=scope_of(caller).model_dump(mode="json"),
        question=question.model_dump_json(by_alias=True),
        state=JobState.QUEUED.value,
        done=0,
        total=0,
        created_at=utc_now(),
    )
    session.add(run)
    await session.flush()
    return run


async def _refuse_too_many(session: Session, caller: Caller) -> None:
    mine = (AnalysisRun.owner_id == caller.agent_id, AnalysisRun.state.in_(UNDER_WAY))
    if (await session.scalar(select(func.count()).where(*mine)) or 0) >= MOST_RUNS:
        raise Problem(409, "too_many_jobs", f"{MOST_RUNS} of your analyses are under way; wait for one, or stop it")


def scope_of(caller: Caller) -> AnalysisScope:
    """Whose tickets the caller's reports count."""
    reached = reach(caller.principal, Permission.REPORT_VIEW)
    own = caller.agent_id if reached.is_own else None
    return AnalysisScope(is_everything=reached.is_everything, team_ids=frozenset[UUID](reached.team_ids), agent_id=own)


async def get_run(
    session: Session, caller: Caller, kind: AnalysisKind, run_id: UUID, *, is_locked: bool = False
) -> AnalysisRun:
    """One run of the caller's own. Raises Problem 404, also where it counts what they may not see any more."""
    query = select(AnalysisRun).where(AnalysisRun.id == run_id, *_own(caller, kind))
    run = await session.scalar(query.with_for_update() if is_locked else query)
    if run is None or not AnalysisScope.model_validate(run.scope).lies_in(scope_of(caller)):
        raise not_found("what-if" if kind is AnalysisKind.WHAT_IF else "simulation")
    return run


async def list_runs(session: Session, caller: Caller, kind: AnalysisKind, limit: int) -> list[AnalysisRun]:
    """The caller's runs, newest first."""
    query = select(AnalysisRun).where(*_own(caller, kind)).order_by(AnalysisRun.id.desc()).limit(limit)
    scope = scope_of(caller)
    return [run for run in await session.scalars(query) if AnalysisScope.model_validate(run.scope).lies_in(scope)]


def _own(caller: Caller, kind: AnalysisKind) -> tuple[ColumnElement[bool], ...]:
    return AnalysisRun.kind == kind.value, AnalysisRun.owner_id == caller.agent_id


async def cancel_run(session: Session, caller: Caller, kind: AnalysisKind, run_id: UUID) -> AnalysisRun:
    """Stops a run that is under way; one that has ended stays as it is. Raises Problem 404."""
    run = await get_run(session, caller, kind, run_id, is_locked=True)
    if run.state in UNDER_WAY:
        run.state, run.finished_at = JobState.CANCELLED.value, utc_now()
    return run


async def forget_old_runs(session: Session) -> None:
    """Deletes what ended long ago."""
    await session.execute(delete(AnalysisRun).where(AnalysisRun.finished_at < utc_now() - KEPT))


def what_if_view(run: AnalysisRun) -> WhatIfRunView:
    """A what-if as it is answered."""
    return WhatIfRunView(
        **_progress(run).model_dump(),
        question=WhatIfInput.model_validate_json(run.question),
        report=WhatIfReport.model_validate_json(run.answer) if run.answer else None,
    )


def simulation_view(run: AnalysisRun) -> SimulationRunView:
    """A staffing simulation as it is answered."""
    return SimulationRunView(
        **_progress(run).model_dump(),
        question=StaffingInput.model_validate_json(run.question),
        report=StaffingReport.model_validate_json(run.answer) if run.answer else None,
    )


def _progress(run: AnalysisRun) -> AnalysisView:
    return AnalysisView(
        id=run.id,
        state=JobState(run.state),
        done=run.done,
        total=run.total,
        detail=run.detail,
        created_at=run.created_at,
        finished_at=run.finished_at,
    )
