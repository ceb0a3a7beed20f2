"""The subprocess that computes one what-if.

`python -m services.assignment.sla_analysis.what_if_worker` reads the request from standard input and writes the report
to standard output.
"""

import asyncio
import sys

from sqlalchemy.ext.asyncio import create_async_engine

from services.assignment.schemas.what_if import WhatIfReport
from services.assignment.sla_analysis.what_if import what_if
from services.assignment.what_if_process import REFUSED, Task, VisibilityScope, WhatIfRefused
from shared.kit.http.problems import Problem


async def _answer(task: Task) -> WhatIfReport:
    engine = create_async_engine(task.database_url, connect_args={"timeout": 5})
    try:
        async with engine.connect() as connection:
            await connection.exec_driver_sql("set transaction isolation level repeatable read read only")
            sight = VisibilityScope(task.is_everything, task.team_ids, task.agent_id)
            return await what_if(connection, task.question, sight, task.most)
    finally:
        await engine.dispose()


def main() -> int:
    """Returns the exit status."""
    task = Task.model_validate_json(sys.stdin.buffer.read())
    try:
        report = asyncio.run(_answer(task))
    except Problem as problem:
        refused = WhatIfRefused(status=problem.status, code=problem.code, detail=problem.detail or "")
        sys.stdout.write(refused.model_dump_json())
        return REFUSED
    sys.stdout.write(report.model_dump_json())
    return 0


if __name__ == "__main__":
    sys.exit(main())
