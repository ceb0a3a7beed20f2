"""Looks in one statement for background work that another process left, and wakes the jobs that have some."""

import asyncio
from functools import cache

from sqlalchemy import Select, exists, select

from services.assignment.app_state import AppState
from services.assignment.desk_jobs.bulk_jobs import UNDER_WAY
from services.assignment.models import AnalysisRun, BulkJob, Export, Rollout
from services.assignment.schemas.rollouts import UNDER_WAY as ROLLOUT_UNDER_WAY
from shared.kit.attention import SWEEP_SECONDS


async def sweep_jobs(context: AppState) -> None:
    """For ever: bulk actions, exports, roll-outs and analyses are woken when one of theirs is under way."""
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        async with context.database.single() as connection:
            found = (await connection.execute(under_way())).one()
        jobs = (context.bulk_jobs, context.exports, context.rollouts, context.analyses)
        for job, has_work in zip(jobs, found, strict=True):
            if has_work:
                job.wake()


@cache
def under_way() -> Select[bool, bool, bool, bool]:
    """Whether there is a bulk action, an export, a roll-out, an analysis under way."""
    return select(
        exists(select(BulkJob.id).where(BulkJob.state.in_(UNDER_WAY))),
        exists(select(Export.id).where(Export.state.in_(UNDER_WAY))),
        exists(select(Rollout.id).where(Rollout.state.in_([state.value for state in ROLLOUT_UNDER_WAY]))),
        exists(select(AnalysisRun.id).where(AnalysisRun.state.in_(UNDER_WAY))),
    )
