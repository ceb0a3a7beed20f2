"""Stores first decisions about tickets in one statement: decision, event-log line and turns."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import Select, select

from services.assignment.models import LoggedEvent, RoutingDecision, table_of
from services.assignment.routing.assignments import store_offers
from services.assignment.routing.decisions import turn_rows, turns_statement, without_candidates
from services.assignment.routing.rosters import TeamRoster
from shared.contracts.events import AssignmentDecided
from shared.contracts.policies import PolicySnapshot
from shared.kit.db import Session
from shared.kit.outbox import add_all, is_announced
from shared.kit.recordsets import as_parameter, insert_rows

DECISIONS: Final = table_of(RoutingDecision)
LOG: Final = table_of(LoggedEvent)
DECISION_COLUMNS: Final = (
    *("ticket_id", "team_id", "agent_id", "policy_id", "policy_version", "policy_digest", "priority", "state"),
    *("evidence", "decided_at"),
)
LOG_COLUMNS: Final = ("event_id", "ticket_id", "seq", "type", "at", "data")
NO_CANDIDATES: Final = '"candidates":[]'
"""In JSON a text cannot look like it: its quotation marks are escaped."""


class DecidedMeanwhile(Exception):
    """Another process decided about one of the tickets since it was looked for: the transaction must not commit."""


async def store_first(
    session: Session,
    decided: Sequence[AssignmentDecided],
    policies: Mapping[UUID, PolicySnapshot],
    teams: Collection[TeamRoster],
) -> list[RoutingDecision]:
    """Stores decisions and the turns that they took, logs and announces them. Raises DecidedMeanwhile."""
    if not decided:
        return []
    rows = [_decision_row(event, policies[event.ticket_id]) for event in decided]
    encoded = {ticket_id: said for team in teams for ticket_id, said in team.encoded_candidates.items()}
    given = {
        "decisions": as_parameter(rows),
        "log": f"[{','.join(_log_row(event, encoded[event.ticket_id]) for event in decided)}]",
        "turns": as_parameter(turn_rows(teams)),
    }
    connection = await session.connection()
    if len((await connection.execute(STORE, given)).all()) < len(rows):
        raise DecidedMeanwhile
    await store_offers(session, decided)
    if is_announced(session, AssignmentDecided):
        await add_all(session, [event.envelope(_event_id(event), event.decided_at) for event in decided])
    return [RoutingDecision(**row) for row in rows]


def _store() -> Select[Any]:
    new = insert_rows(DECISIONS, DECISION_COLUMNS, "decisions")
    stored = new.on_conflict_do_nothing().returning(DECISIONS.c.ticket_id).cte("stored")
    logged = insert_rows(LOG, LOG_COLUMNS, "log").on_conflict_do_nothing().cte("logged")
    return select(stored.c.ticket_id).add_cte(logged, turns_statement().cte("taken_turns"))


STORE: Final = _store()
"""Built once, so that its compiled form is found again."""


def _event_id(event: AssignmentDecided) -> str:
    return f"decision:{event.ticket_id}"


def _decision_row(event: AssignmentDecided, policy: PolicySnapshot) -> dict[str, Any]:
    return {
        "ticket_id": event.ticket_id,
        "team_id": event.team_id,
        "agent_id": event.agent_id,
        "policy_id": event.policy_id,
        "policy_version": policy.version,
        "policy_digest": policy.digest,
        "priority": event.priority.value,
        "state": "sent",
        "evidence": without_candidates(event),
        "decided_at": event.decided_at,
    }


def _log_row(event: AssignmentDecided, candidates: Sequence[str]) -> str:
    """The whole evidence in JSON, with its candidates as they were encoded: there may be hundreds."""
    row = {
        "event_id": _event_id(event),
        "ticket_id": event.ticket_id,
        "seq": 0,
        "type": event.event_name,
        "at": event.decided_at,
        "data": event.model_copy(update={"candidates": ()}),
    }
    return to_json(row).decode().replace(NO_CANDIDATES, f'"candidates":[{",".join(candidates)}]', 1)
