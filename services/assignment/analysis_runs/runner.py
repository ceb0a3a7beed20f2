"""Runs analyses one after the other, each in a process of its own; begins one anew after a crash."""

import asyncio
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import select, update

from services.assignment.analysis_runs.commands import UNDER_WAY
from services.assignment.analysis_runs.tasks import REFUSED, AnalysisRefused, AnalysisScope, AnalysisTask
from services.assignment.app_state import AppState
from services.assignment.commands.leading import work_while_leading
from services.assignment.models import AnalysisRun
from services.assignment.schemas.analysis_runs import AnalysisKind
from services.assignment.schemas.desk import JobState
from shared.kit.clock import utc_now
from shared.kit.subprocess_runner import ModuleRun, run_module_with_progress
from shared.kit.telemetry import log

LEADER_LOCK: Final = 7_241_021
MODULE: Final = "services.assignment.analysis_runs.worker"
WITHIN_SECONDS: Final = 900.0
WRITES_EVERY: Final = 0.5
"""Seconds between two updates of the progress; each also looks whether the run was stopped."""


class RunStopped(Exception):
    """Somebody stopped the run, or it is gone."""


async def carry_out_analyses(context: AppState) -> None:
    """For ever: runs what was asked for, one process of the service at a time."""
    await work_while_leading(context, LEADER_LOCK, context.analyses, _under_way, _work_off)


async def _work_off(context: AppState) -> None:
    for run_id in await _under_way(context):
        await carry_out(context, run_id)


async def _under_way(context: AppState) -> list[UUID]:
    query = select(AnalysisRun.id).where(AnalysisRun.state.in_(UNDER_WAY)).order_by(AnalysisRun.id)
    async with context.database.begin() as session:
        return list(await session.scalars(query))


async def carry_out(context: AppState, run_id: UUID) -> None:
    """One analysis, from its beginning to its answer."""
    async with context.database.begin() as session:
        run = await session.get(AnalysisRun, run_id, with_for_update=True)
        if run is None or run.state not in UNDER_WAY:
            return
        run.state = JobState.RUNNING.value
        task = _task_of(context, run)
    progress = RunProgress(context, run_id)
    try:
        ended = await run_module_with_progress(MODULE, task.model_dump_json().encode(), WITHIN_SECONDS, progress.told)
    except RunStopped:
        return
    except TimeoutError:
        await progress.end(None, f"it took longer than {WITHIN_SECONDS / 60:g} minutes: ask for a shorter period")
        return
    await progress.end(*_answer_of(run_id, ended))


def _task_of(context: AppState, run: AnalysisRun) -> AnalysisTask:
    return AnalysisTask(
        kind=AnalysisKind(run.kind),
        question=run.question,
        scope=AnalysisScope.model_validate(run.scope),
        database_url=context.settings.database_url.get_secret_value(),
        time_zone=context.settings.time_zone,
    )


def _answer_of(run_id: UUID, ended: ModuleRun) -> tuple[str | None, str | None]:
    """The answer, or else why there is none."""
    if ended.status == 0:
        return ended.out.decode(), None
    if ended.status == REFUSED:
        return None, AnalysisRefused.model_validate_json(ended.out).detail
    stderr = ended.err[-2000:].decode(errors="replace")
    log.error("analysis.died", run=str(run_id), status=ended.status, stderr=stderr)
    return None, "the computation failed; try again"


@dataclass(slots=True)
class RunProgress:
    """Writes down how far a run has come."""

    context: AppState
    run_id: UUID
    _written_at: float = 0.0

    async def told(self, done: int, of: int) -> None:
        """Writes the progress, not too often. Raises RunStopped."""
        now = asyncio.get_running_loop().time()
        if now - self._written_at < WRITES_EVERY:
            return
        self._written_at = now
        if not await self._write(done=done, total=of):
            raise RunStopped

    async def end(self, answer: str | None, detail: str | None) -> None:
        """Writes the answer, or why there is none."""
        state = JobState.DONE if answer is not None else JobState.FAILED
        await self._write(state=state.value, answer=answer, detail=detail, finished_at=utc_now())

    async def _write(self, **values: object) -> bool:
        """False if the run is not running any more."""
        running = (AnalysisRun.id == self.run_id, AnalysisRun.state == JobState.RUNNING.value)
        async with self.context.database.begin() as session:
            written = await session.execute(
                update(AnalysisRun).where(*running).values(values).returning(AnalysisRun.id)
            )
            return written.first() is not None
