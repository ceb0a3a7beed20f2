"""Runs a what-if in a subprocess, so that minutes of computing do not delay other requests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from pydantic import BaseModel

from services.assignment.schemas.what_if import WhatIfInput, WhatIfReport
from shared.kit.http.problems import Problem
from shared.kit.subprocess_runner import ModuleRun, run_module
from shared.kit.telemetry import log

MODULE = "services.assignment.sla_analysis.what_if_worker"
MOST_TICKETS = 20_000
"""Answered while the caller waits; for more there is the command line."""
WITHIN_SECONDS = 60.0
AT_ONCE = 1
"""Processes at the same time; more callers wait."""
WAITS_SECONDS = 30.0
REFUSED = 3
"""Exit status of a process that says why it refuses."""


@dataclass(frozen=True, slots=True)
class VisibilityScope:
    """The teams and agent whose verdicts the caller may see; all for an operator."""

    is_everything: bool = True
    team_ids: frozenset[UUID] = frozenset()
    agent_id: UUID | None = None
    """Themselves, where their own are reached."""

    def reaches(self, team_id: UUID | None, agent_id: UUID | None) -> bool:
        """Whether a verdict of this team and agent is visible."""
        return (
            self.is_everything
            or (team_id is not None and team_id in self.team_ids)
            or (agent_id is not None and agent_id == self.agent_id)
        )


EVERYTHING = VisibilityScope()


class Task(BaseModel):
    """Input of the subprocess. The database URL is passed here so that no process list shows it."""

    database_url: str
    question: WhatIfInput
    is_everything: bool
    team_ids: frozenset[UUID]
    agent_id: UUID | None
    most: int


class WhatIfRefused(BaseModel):
    """A Problem raised in the subprocess."""

    status: int
    code: str
    detail: str


class WhatIfWorker:
    """Runs one what-if at a time."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(AT_ONCE)

    async def ask(self, database_url: str, question: WhatIfInput, sight: VisibilityScope) -> WhatIfReport:
        """The report. Raises Problem 422 for too much to judge at once, and what `what_if` raises."""
        task = Task(
            database_url=database_url,
            question=question,
            is_everything=sight.is_everything,
            team_ids=sight.team_ids,
            agent_id=sight.agent_id,
            most=MOST_TICKETS,
        )
        async with self._place():
            status, out, err = await _run(task)
        if status == 0:
            return WhatIfReport.model_validate_json(out)
        if status == REFUSED:
            refused = WhatIfRefused.model_validate_json(out)
            raise Problem(refused.status, refused.code, refused.detail)
        log.error("rejudging.died", status=status, stderr=err[-2000:].decode(errors="replace"))
        raise Problem(503, "temporarily_unavailable", "judging history again failed; try again")

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        """Waits for its turn. Raises Problem 503 when too many wait."""
        try:
            async with asyncio.timeout(WAITS_SECONDS):
                await self._places.acquire()
        except TimeoutError:
            raise Problem(503, "temporarily_unavailable", "history is being judged for others; try again") from None
        try:
            yield
        finally:
            self._places.release()


async def _run(task: Task) -> ModuleRun:
    """Raises Problem 422 for what takes too long."""
    try:
        return await run_module(MODULE, task.model_dump_json(by_alias=True).encode(), WITHIN_SECONDS)
    except TimeoutError:
        detail = f"this takes longer than {WITHIN_SECONDS:g} s: narrow from and to, or use `everdesk sla what-if`"
        raise Problem(422, "too_many_tickets", detail) from None
