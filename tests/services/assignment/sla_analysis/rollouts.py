"""What tests of roll-outs have in common: a policy of their own, tickets that run under it, and what became of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import select

from services.assignment.models import LoggedEvent, SettledClock
from services.assignment.queries.administration.policies import PolicyCache
from services.assignment.sla_analysis.rollout_runner import LEADER_LOCK
from services.assignment.sla_analysis.ticket_histories import PolicyByDigest, get_histories
from shared.contracts.policies import PolicySnapshot
from shared.contracts.tickets import TicketSnapshot
from shared.contracts.vocabulary import PolicyMode
from shared.domain.rollouts import SimulatedChange, simulate_change, ticket_from_history
from shared.domain.sla import verdicts_of
from shared.kit.clock import new_id, utc_now
from shared.kit.db import dsn_of
from tests.services.assignment.desk import AgentApi, Desk, Json
from tests.support.eventually import eventually

HOUR = 3600
TARGETS = {
    "normal": {"first_response": 4 * HOUR, "next_response": 4 * HOUR, "resolution": 24 * HOUR},
    "urgent": {"first_response": HOUR, "resolution": 8 * HOUR},
}
FASTER = {
    "normal": {"first_response": 3 * HOUR, "next_response": 2 * HOUR, "resolution": 12 * HOUR},
    "urgent": {"first_response": 2 * HOUR, "resolution": 6 * HOUR},
}
Key = tuple[str, int]
Judgement = tuple[str, datetime | None, datetime]
FINISHED = ("done", "failed", "reverted")


@dataclass
class Promise:
    """A policy made for one test."""

    desk: Desk
    ada: AgentApi
    id: str

    @classmethod
    async def make(cls, desk: Desk, **changes: Any) -> "Promise":
        """Version 1."""
        ada = await desk.agent("ada")
        body = {"name": f"P-{new_id().hex[-8:]}", "calendar": "always", "targets": TARGETS} | changes
        return cls(desk, ada, (await ada.post("/v1/sla-policies", body, expect=201))["id"])

    @property
    def path(self) -> str:
        """Where its roll-outs are."""
        return f"/v1/sla-policies/{self.id}/rollouts"

    async def ticket(self, hours_ago: float = 1, **changes: Any) -> str:
        """A ticket that runs under the policy, received so long ago."""
        received_at = utc_now() - timedelta(hours=hours_ago)
        submitted = await self.desk.submit("access", received_at=received_at, priority="normal", **changes)
        ticket = await self.desk.seen(submitted.ticket_id, status="open")
        await self.act(ticket["id"], "change-policy", {"policy_id": self.id})
        return str(ticket["id"])

    async def act(self, ticket_id: str, action: str, body: Json | None = None) -> Json:
        """One thing done to a ticket."""
        return await self.ada.post(f"/v1/tickets/{ticket_id}/{action}", body)

    async def change(self, **changes: Any) -> None:
        """The next version."""
        await self.ada.patch(f"/v1/sla-policies/{self.id}", changes)

    async def preview(self, mode: str, **narrowed: Any) -> Json:
        """Everything a roll-out would change, all pages in one."""
        asked = {"mode": mode, "filter": narrowed}
        whole: Json = {}
        more = ""
        while True:
            page = await self.ada.post(f"{self.path}/preview?limit=2{more}", asked)
            assert (page["totals"] is None) is bool(whole)
            at = instant(page["previewed_at"])
            items = [item | {"previewed_at": at} for item in page["items"]]
            whole = whole | {"items": whole["items"] + items} if whole else page | {"items": items}
            if page["next_cursor"] is None:
                return whole
            more = f"&cursor={page['next_cursor']}"

    async def roll_out(self, mode: str, **narrowed: Any) -> Json:
        """A roll-out, finished."""
        made = await self.ada.post(self.path, {"mode": mode, "filter": narrowed}, expect=202)
        return await self.finished(made["id"])

    async def revert(self, rollout_id: str) -> Json:
        """A roll-out taken back."""
        await self.ada.post(f"{self.path}/{rollout_id}/revert", expect=202)
        return await self.finished(rollout_id)

    async def finished(self, rollout_id: str) -> Json:
        """The roll-out, once it has come to an end."""

        async def rollout() -> Json:
            found = await self.ada.get(f"{self.path}/{rollout_id}")
            assert found["state"] in FINISHED, found
            return found

        return await eventually(rollout, within=60)

    async def lines(self, rollout_id: str) -> dict[str, Json]:
        """What became of each ticket of a roll-out."""
        found: dict[str, Json] = {}
        path = f"{self.path}/{rollout_id}/tickets"
        page = await self.ada.get(path, limit=50)
        while True:
            found |= {line["ticket_id"]: line for line in page["items"]}
            if not page["next_cursor"]:
                return found
            page = await self.ada.get(path, limit=50, cursor=page["next_cursor"])

    async def due(self, ticket_id: str) -> dict[tuple[str, int], Any]:
        """When each clock that is not settled is due."""
        ticket = await self.ada.get(f"/v1/tickets/{ticket_id}")
        clocks = [clock for clock in ticket["sla"]["clocks"] if clock["settled_at"] is None]
        return {(clock["metric"], clock["cycle"]): clock["due_at"] for clock in clocks}

    async def applied(self, ticket_id: str, rollout_id: str, mode: str) -> list[LoggedEvent]:
        """The events by which a roll-out, or its undoing, reached a ticket."""
        async with self.desk.database.begin() as session:
            query = select(LoggedEvent).where(
                LoggedEvent.ticket_id == UUID(ticket_id), LoggedEvent.type == "ticket.policy_changed"
            )
            rows = list(await session.scalars(query))
        return [row for row in rows if row.data["rollout_id"] == rollout_id and row.data["mode"] == mode]

    async def reached(self, ticket_id: str, rollout_id: str, mode: str) -> LoggedEvent:
        """The one event by which a roll-out reached a ticket, once the log has it."""

        async def event() -> LoggedEvent:
            (found,) = await self.applied(ticket_id, rollout_id, mode)
            return found

        return await eventually(event)

    async def recomputed(self, ticket_id: str, event: LoggedEvent) -> SimulatedChange:
        """What a preview would have said at the very instant at which a roll-out took effect."""
        shelf = PolicyByDigest({}, PolicyCache(), utc_now())
        async with self.desk.database.begin() as session:
            history = (await get_histories(session, shelf, [UUID(ticket_id)]))[UUID(ticket_id)]
            earlier = select(LoggedEvent.data["snapshot"]).where(
                LoggedEvent.ticket_id == UUID(ticket_id), LoggedEvent.seq == event.seq - 1
            )
            snapshot = TicketSnapshot.model_validate(await session.scalar(earlier))
        policy: PolicySnapshot = history.policies[event.data["policy_digest"]]
        history.facts = [fact for fact in history.facts if fact.seq < event.seq]
        return simulate_change(ticket_from_history(snapshot, history), policy, PolicyMode(event.data["mode"]), event.at)

    async def verdicts_of(self, ticket_id: str) -> tuple[dict[Key, Judgement], dict[Key, Judgement]]:
        """The last revision of each verdict as recorded, and as the log alone says."""
        shelf = PolicyByDigest({}, PolicyCache(), utc_now())
        query = select(SettledClock).where(SettledClock.ticket_id == UUID(ticket_id)).order_by(SettledClock.revision)
        async with self.desk.database.begin() as session:
            history = (await get_histories(session, shelf, [UUID(ticket_id)]))[UUID(ticket_id)]
            rows = list(await session.scalars(query))
        recorded = {(row.metric, row.cycle): (row.outcome, row.due_at, row.settled_at) for row in rows}
        proved = {
            (one.metric.value, one.cycle): (one.outcome.value, one.due_at, one.settled_at)
            for one in verdicts_of(history.folded())
        }
        return recorded, proved


@asynccontextmanager
async def held_up(desk: Desk) -> AsyncIterator[None]:
    """The service does not lead meanwhile: the test takes the steps itself."""
    connection = await asyncpg.connect(dsn_of(desk.context.settings))
    try:
        await connection.execute("select pg_advisory_lock($1)", LEADER_LOCK)
        yield
    finally:
        await connection.close()


def instant(text: str) -> datetime:
    """An instant as answered."""
    return datetime.fromisoformat(text)
