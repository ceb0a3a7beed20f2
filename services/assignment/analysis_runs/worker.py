"""The subprocess of one analysis.

`python -m services.assignment.analysis_runs.worker` reads the task from standard input; it writes lines of progress,
then the answer, to standard output.
"""

import asyncio
import sys
from zoneinfo import ZoneInfo

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from services.assignment.analysis_runs.tasks import REFUSED, AnalysisRefused, AnalysisTask
from services.assignment.schemas.analysis_runs import AnalysisKind
from services.assignment.schemas.staffing import StaffingInput
from services.assignment.schemas.what_if import WhatIfInput
from services.assignment.sla_analysis.what_if import what_if
from services.assignment.staffing.run import simulate_staffing
from services.assignment.staffing.scenarios import StaffingQuestion
from shared.kit.clock import utc_now
from shared.kit.http.problems import Problem

MOST_CHANGED = 1_000
"""Verdicts that would be others, to look at one by one."""


def tell(done: int, of: int) -> None:
    """Writes a line of progress."""
    sys.stdout.write(f"progress {done} {of}\n")
    sys.stdout.flush()


async def _answer(task: AnalysisTask) -> BaseModel:
    engine = create_async_engine(task.database_url, connect_args={"timeout": 5})
    try:
        async with engine.connect() as connection:
            await connection.exec_driver_sql("set transaction isolation level repeatable read read only")
            return await _analyse(connection, task)
    finally:
        await engine.dispose()


async def _analyse(connection: AsyncConnection, task: AnalysisTask) -> BaseModel:
    scope = task.scope.visibility
    if task.kind is AnalysisKind.STAFFING:
        asked = StaffingInput.model_validate_json(task.question)
        question = StaffingQuestion(asked, scope, ZoneInfo(task.time_zone), utc_now())
        return await simulate_staffing(connection, question, tell)
    given = WhatIfInput.model_validate_json(task.question)
    return await what_if(connection, given, scope, progress=tell, shown=MOST_CHANGED)


def main() -> int:
    """Returns the exit status."""
    task = AnalysisTask.model_validate_json(sys.stdin.buffer.read())
    try:
        answer = asyncio.run(_answer(task))
    except Problem as problem:
        sys.stdout.write(AnalysisRefused(detail=problem.detail or problem.code).model_dump_json())
        return REFUSED
    sys.stdout.write(answer.model_dump_json())
    return 0


if __name__ == "__main__":
    sys.exit(main())
