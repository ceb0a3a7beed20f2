"""The mapping from the incident log's rows to commands, row by row of its table."""

from typing import Any

import pytest

from shared.contracts.base import AgentId
from shared.contracts.commands import HoldTicket, MessageFact, PrioritiseTicket, RecordReply, TriageTicket
from shared.contracts.tickets import SYSTEM
from shared.contracts.vocabulary import ActorKind, HoldReason, Priority, Status
from tests.replay.incident_log import Row
from tests.replay.mapping import AUTOMATON, FALLBACK_TEAM, MappedStatus, Step, agent_of, steps_of, team_of
from tests.support.tickets import MONDAY, policy

NEW, OPEN, PENDING = Status.NEW, Status.OPEN, Status.PENDING
ON_HOLD, RESOLVED, CLOSED = Status.ON_HOLD, Status.RESOLVED, Status.CLOSED
STATE = frozenset({"incident_state", "active"})


def row(state: str, changed: frozenset[str] | str = STATE, **values: Any) -> Row:
    """A row of group 1 without an agent, by a person; it changes the state unless told."""
    columns = frozenset({changed}) if isinstance(changed, str) else changed
    given: dict[str, Any] = {
        "at": MONDAY,
        "priority": "3 - Moderate",
        "group": "Group 1",
        "agent": None,
        "updated_by": "Updated by 1",
    }
    return Row(state=state, changed=columns, **(given | values))


def standing(status: Status, agent: str | None = None, reason: HoldReason | None = None) -> MappedStatus:
    team_id = None if status is NEW else team_of("Group 1")
    return MappedStatus(status, Priority.NORMAL, team_id, agent_of(agent), reason)


def steps(row: Row, ticket: MappedStatus) -> list[Step]:
    return steps_of(row, "INC1:1", policy(), ticket)


def kinds(steps: list[Step]) -> list[str]:
    return [getattr(step.deed, "kind", "message") if step.deed else "-" for step in steps]


@pytest.mark.parametrize(
    ("ticket", "update", "expected"),
    [
        # new
        (NEW, row("New", frozenset(), is_first=True), ["triage"]),
        (NEW, row("New", frozenset(), is_first=True, group=None), ["-"]),
        (NEW, row("New", frozenset(), group=None), ["reply"]),
        (NEW, row("New", "assigned_to", group=None, agent="Resolver 1"), ["assign"]),
        (NEW, row("Active", group=None), ["triage"]),
        (NEW, row("Awaiting User Info"), ["triage", "reply", "pend"]),
        (NEW, row("Awaiting Vendor"), ["triage", "hold"]),
        (NEW, row("Resolved"), ["triage", "resolve"]),
        (NEW, row("Closed"), ["triage", "close"]),
        # open
        (OPEN, row("Active"), ["-"]),
        (OPEN, row("Active", frozenset()), ["reply"]),
        (OPEN, row("Active", "category"), ["-"]),
        (OPEN, row("-100", "incident_state"), ["-"]),
        (OPEN, row("Awaiting User Info"), ["reply", "pend"]),
        (OPEN, row("Awaiting Evidence"), ["hold"]),
        (OPEN, row("Resolved"), ["resolve"]),
        (OPEN, row("Closed"), ["close"]),
        # pending
        (PENDING, row("Active"), ["message"]),
        (PENDING, row("Awaiting User Info", frozenset()), ["-"]),
        (PENDING, row("Awaiting Problem"), ["hold"]),
        (PENDING, row("Resolved"), ["resolve"]),
        # on hold, for the vendor
        (ON_HOLD, row("Active"), ["resume"]),
        (ON_HOLD, row("Awaiting Vendor", "category"), ["-"]),
        (ON_HOLD, row("Awaiting Vendor", frozenset()), ["reply"]),
        (ON_HOLD, row("Awaiting Problem"), ["resume", "hold"]),
        (ON_HOLD, row("Awaiting User Info"), ["resume", "reply", "pend"]),
        (ON_HOLD, row("Resolved"), ["resolve"]),
        # at rest
        (RESOLVED, row("Resolved", frozenset()), ["-"]),
        (RESOLVED, row("Closed"), ["close"]),
        (RESOLVED, row("Active"), ["reopen"]),
        (RESOLVED, row("Awaiting User Info"), ["reopen", "reply", "pend"]),
        (CLOSED, row("Resolved", frozenset()), ["-"]),
        (CLOSED, row("Closed"), ["-"]),
        (CLOSED, row("Active"), ["reopen"]),
        (CLOSED, row("Awaiting Vendor"), ["reopen", "hold"]),
        # changes in place
        (OPEN, row("Active", "assignment_group", group="Group 2"), ["transfer"]),
        (OPEN, row("Active", "assignment_group", group="Group 2", agent="Resolver 1"), ["transfer", "assign"]),
        (OPEN, row("Active", "assignment_group", group=None), ["-"]),
        (OPEN, row("Active", "assigned_to", agent="Resolver 1"), ["assign"]),
        (OPEN, row("Active", "priority", priority="1 - Critical"), ["prioritise"]),
        (RESOLVED, row("Active", priority="2 - High", group="Group 2"), ["reopen", "transfer", "prioritise"]),
        (CLOSED, row("Closed", "assigned_to", agent="Resolver 1"), ["-"]),
    ],
)  # fmt: skip
def test_a_row_becomes_what_the_lifecycle_takes(ticket: Status, update: Row, expected: list[str]) -> None:
    reason = HoldReason.VENDOR if ticket is ON_HOLD else None
    assert kinds(steps(update, standing(ticket, reason=reason))) == expected


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("Awaiting Vendor", HoldReason.VENDOR),
        ("Awaiting Problem", HoldReason.PROBLEM),
        ("Awaiting Evidence", HoldReason.THIRD_PARTY),
    ],
)
def test_what_is_awaited_is_the_reason_to_hold(state: str, reason: HoldReason) -> None:
    (step,) = steps(row(state), standing(OPEN))
    assert isinstance(step.deed, HoldTicket)
    assert step.deed.reason is reason


@pytest.mark.parametrize(
    ("words", "priority"),
    [("1 - Critical", Priority.URGENT), ("2 - High", Priority.HIGH), ("4 - Low", Priority.LOW)],
)
def test_priorities_keep_their_rank(words: str, priority: Priority) -> None:
    (step,) = steps(row("Active", "priority", priority=words), standing(OPEN))
    assert isinstance(step.deed, PrioritiseTicket)
    assert step.deed.priority is priority


def test_triage_carries_team_agent_and_policy() -> None:
    (step,) = steps(row("New", frozenset(), is_first=True, agent="Resolver 1"), standing(NEW))
    assert isinstance(step.deed, TriageTicket)
    assert step.deed.team_id == team_of("Group 1")
    assert step.deed.agent_id == agent_of("Resolver 1") is not None
    assert step.deed.policy == policy()


def test_what_leaves_new_without_a_group_goes_to_the_fallback_team() -> None:
    first, _ = steps(row("Resolved", group=None), standing(NEW))
    assert isinstance(first.deed, TriageTicket)
    assert first.deed.team_id == FALLBACK_TEAM
    assert "fallback" in first.why


def test_an_agent_no_longer_named_is_released_and_one_still_named_is_kept() -> None:
    assert kinds(steps(row("Active", "assigned_to"), standing(OPEN, "Resolver 1"))) == ["release"]
    assert kinds(steps(row("Active", "category", agent="Resolver 1"), standing(OPEN, "Resolver 1"))) == ["-"]


def test_messages_bear_the_row_s_instant() -> None:
    (answer,) = steps(row("Active"), standing(PENDING))
    assert isinstance(answer.deed, MessageFact)
    assert (answer.deed.received_at, answer.deed.author.kind) == (MONDAY, ActorKind.REQUESTER)
    (reply,) = steps(row("Active", frozenset()), standing(OPEN))
    assert isinstance(reply.deed, RecordReply)
    assert (reply.deed.replied_at, reply.deed.actor.kind) == (MONDAY, ActorKind.AGENT)


def test_the_automaton_closes_as_the_system_and_never_replies() -> None:
    (close,) = steps(row("Closed", updated_by=AUTOMATON), standing(RESOLVED))
    assert close.deed is not None
    assert getattr(close.deed, "actor", None) == SYSTEM
    assert kinds(steps(row("Active", frozenset(), updated_by=AUTOMATON), standing(OPEN))) == ["-"]


def test_a_change_after_closing_is_counted_not_sent() -> None:
    (step,) = steps(row("Closed", "assignment_group", group="Group 2"), standing(CLOSED))
    assert step == Step("transfer after closing: refused by the lifecycle")


def test_ids_differ_from_row_to_row_and_within_a_row() -> None:
    ids = [
        getattr(step.deed, "command_id", None)
        for key in ("INC1:1", "INC1:2")
        for step in steps_of(row("Awaiting User Info"), key, policy(), standing(NEW))
    ]
    assert len(ids) == len(set(ids)) == 6
    assert agent_of("Resolver 1") != AgentId(team_of("Group 1") or FALLBACK_TEAM)
