"""The leanest entity workflow of our design (STACK section 1, variant c), to measure ours against.

Handlers never await; one loop flushes one batch at a time by one regular activity; one timer, re-armed only when
earlier; search attributes once per batch. No SLA, no snapshot, no refusals beyond the table, no memory of answers.
"""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

from temporalio import workflow
from temporalio.common import RetryPolicy, SearchAttributeKey

with workflow.unsafe.imports_passed_through():
    from tests.load.baseline_words import BaselineView, Do, Happened, Open, Posted

KEYS = [
    SearchAttributeKey.for_keyword(name)
    for name in ("EverdeskStatus", "EverdeskTeam", "EverdeskAssignee", "EverdeskPriority")
]
FOLLOW_UP, AUTO_CLOSE = timedelta(hours=4), timedelta(days=5)
FROM = {"triage": ("new",), "reply": ("open", "resolved"), "resolve": ("open",), "close": ("open", "resolved")}
RETRY = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=10))


@workflow.defn(name="BaselineWorkflow")
class BaselineWorkflow:
    @workflow.init
    def __init__(self, start: Open) -> None:
        self.ticket_id = start.ticket_id
        self.status, self.version = "new", 0
        self.team_id: UUID | None = None
        self.agent_id: UUID | None = None
        self.seen: list[UUID] = []
        self.pending: list[Happened] = []
        self.indexed: tuple[str, UUID | None, UUID | None] = ("new", None, None)
        self.due: datetime | None = None
        self.timer: asyncio.Task[None] | None = None
        self.flush: asyncio.Task[None] | None = None
        self.has_news = True
        self.is_archived = False
        self.happened("opened")

    @workflow.run
    async def run(self, start: Open) -> None:
        while not self.is_archived:
            self.has_news = False
            if self.timer is not None and self.timer.done():
                self.is_archived, self.timer = self.status == "closed", None
            if self.flush is not None and self.flush.done():
                self.flush = None
            if self.flush is None and self.pending:
                self.index()
                self.flush = asyncio.create_task(self.publish(list(self.pending)))
            self.arm(workflow.now() + (FOLLOW_UP if self.status in ("new", "open") else AUTO_CLOSE))
            await workflow.wait_condition(
                lambda: (
                    self.has_news
                    or (self.flush is not None and self.flush.done())
                    or (self.timer is not None and self.timer.done())
                )
            )

    @workflow.update(name="command")
    def command(self, do: Do) -> BaselineView:
        match do.kind:
            case "triage":
                self.status, self.team_id, self.agent_id = "open", do.team_id, do.agent_id
                self.happened("triaged")
                self.happened("assigned")
            case "reply":
                if do.message_id is not None:
                    self.seen.append(do.message_id)
                self.happened("message")
            case "resolve":
                self.status = "resolved"
                self.happened("resolved")
            case "close":
                self.status = "closed"
                self.happened("closed")
        return BaselineView(version=self.version, status=self.status, team_id=self.team_id, agent_id=self.agent_id)

    @command.validator
    def check(self, do: Do) -> None:
        if self.status not in FROM[do.kind]:
            raise ValueError(f"{do.kind} is not possible while {self.status}")

    @workflow.signal
    def message_posted(self, posted: Posted) -> None:
        if posted.message_id in self.seen:
            return
        self.seen.append(posted.message_id)
        self.happened("message")

    def happened(self, name: str) -> None:
        self.version += 1
        self.pending.append(
            Happened(
                id=f"{self.ticket_id}:{self.version}",
                name=name,
                ticket_id=self.ticket_id,
                at=workflow.now(),
                version=self.version,
                status=self.status,
            )
        )
        self.has_news = True

    def index(self) -> None:
        values = (self.status, self.team_id, self.agent_id)
        if values != self.indexed:
            changed = zip(KEYS, values, self.indexed, strict=False)
            workflow.upsert_search_attributes([key.value_set(str(new)) for key, new, old in changed if new != old])
            self.indexed = values

    def arm(self, due: datetime) -> None:
        if self.timer is None or self.due is None or due < self.due:
            if self.timer is not None:
                self.timer.cancel()
            self.due = due
            self.timer = asyncio.create_task(workflow.sleep(due - workflow.now()))

    async def publish(self, batch: list[Happened]) -> None:
        await workflow.execute_activity(
            "publish_baseline", batch, start_to_close_timeout=timedelta(seconds=20), retry_policy=RETRY
        )
        del self.pending[: len(batch)]
