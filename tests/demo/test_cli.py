"""The operator's command: help with examples, honest exit statuses, and verdicts proved from history."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from nats.js.api import ConsumerConfig, ConsumerInfo
from typer.testing import CliRunner

from deploy.cli.app import build_app
from deploy.cli.environment import NATS_URL, environment_of
from deploy.cli.sla.verify import VerdictDifference, differences
from deploy.cli.status import consumer_lines, mails_line, outbox_line, readiness_line
from deploy.local.engines.ports import find_free_port
from services.assignment.sla_analysis.fact_history import FactHistory
from shared.contracts.commands import (
    ChangeTicketPolicy,
    CloseTicket,
    RecordReply,
    ResolveTicket,
    RevertTicketPolicy,
)
from shared.contracts.events import Envelope, SlaSettled
from shared.contracts.policies import PolicySnapshot
from shared.contracts.vocabulary import CloseReason, PolicyMode
from shared.domain.ticket import Ticket, TicketState
from tests.support.histories import lines_of
from tests.support.tickets import (
    AGENT,
    HOUR,
    MONDAY,
    OFFICE,
    REQUESTER,
    TICKET,
    an_id,
    message,
    opening,
    policy,
    triage,
)

COMMANDS = (
    ("status",),
    ("doctor",),
    ("sla", "verify"),
    ("sla", "explain"),
    ("sla", "what-if"),
    ("dead-letters", "list"),
    ("dead-letters", "show"),
    ("dead-letters", "replay"),
    ("dead-letters", "discard"),
    ("outbox", "list"),
    ("outbox", "show"),
    ("outbox", "replay"),
    ("outbox", "discard"),
    ("api-keys", "create"),
    ("api-keys", "import-osticket"),
    ("api-keys", "list"),
    ("api-keys", "rotate"),
    ("api-keys", "revoke"),
    ("backup", "create"),
    ("backup", "verify"),
    ("backup", "restore"),
    ("backup", "reconcile"),
    ("versions", "list"),
    ("versions", "promote"),
    ("versions", "drain-status"),
)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself_with_an_example(command: tuple[str, ...]) -> None:
    answer = CliRunner().invoke(build_app(), [*command, "--help"])
    assert answer.exit_code == 0
    assert "Example: everdesk" in answer.output


@pytest.mark.parametrize(
    "command", [("status",), ("doctor",), ("sla", "verify"), ("dead-letters", "list"), ("api-keys", "list")]
)
def test_without_a_stack_every_command_fails_with_a_sentence(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVERDESK_HOME", str(tmp_path))
    for needed in (NATS_URL, "EVERDESK_DATABASE_URL"):
        monkeypatch.delenv(needed, raising=False)
    answer = CliRunner().invoke(build_app(), command)
    assert answer.exit_code == 1
    assert "make run" in " ".join(answer.output.split())


def test_replaying_nothing_in_particular_is_refused() -> None:
    assert CliRunner().invoke(build_app(), ["dead-letters", "replay"]).exit_code == 1
    assert CliRunner().invoke(build_app(), ["dead-letters", "replay", "1", "--all"]).exit_code == 1


def test_in_a_container_the_environment_says_where_things_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NATS_URL, "nats://elsewhere:4222")
    assert environment_of("notification", NATS_URL)[NATS_URL] == "nats://elsewhere:4222"


@pytest.mark.parametrize(
    ("http_status", "body", "state", "is_good"),
    [
        (200, {"status": "ready", "degraded": [], "dependencies": {"database": "ok"}}, "ready", True),
        (200, {"status": "ready", "degraded": ["bus"], "dependencies": {"bus": "unreachable"}}, "degraded", False),
        (503, {"status": "not_ready", "degraded": [], "dependencies": {}}, "not ready", False),
        (200, {"status": "ready"}, "ready", True),
    ],
)
def test_degraded_is_not_well(http_status: int, body: dict[str, Any], state: str, is_good: bool) -> None:
    line = readiness_line("intake", http_status, body)
    assert (line.state, line.is_good) == (state, is_good)


# -- sla verify ----------------------------------------------------------------------------------------------------


def a_life() -> list[Envelope]:
    """Opened, triaged, answered, asked again, resolved, reopened by the requester, closed."""
    ticket = Ticket(TicketState.of(opening()))
    ticket.open(REQUESTER, MONDAY)
    ticket.handle(triage(), MONDAY + HOUR / 10)
    reply = RecordReply(command_id="r", actor=AGENT, message_id=an_id("reply"), replied_at=MONDAY + HOUR / 2)
    ticket.handle(reply, MONDAY + HOUR / 2)
    ticket.receive(message("again", MONDAY + HOUR), MONDAY + HOUR)
    ticket.handle(ResolveTicket(command_id="s", actor=AGENT), MONDAY + 2 * HOUR)
    ticket.receive(message("no", MONDAY + 3 * HOUR), MONDAY + 3 * HOUR)
    close = CloseTicket(command_id="c", actor=AGENT, reason=CloseReason.RESOLVED)
    ticket.handle(close, MONDAY + 13 * HOUR)
    return [event.envelope(f"{TICKET}:{event.seq}", event.at) for event in ticket.events]


def recorded(events: list[Envelope]) -> list[Any]:
    """The rows assignment keeps of the verdicts in a log."""
    verdicts = [SlaSettled.of(event).verdict for event in events if event.type == SlaSettled.type()]
    return [
        SimpleNamespace(
            metric=verdict.metric.value,
            cycle=verdict.cycle,
            revision=verdict.revision,
            outcome=verdict.outcome.value,
            elapsed_seconds=verdict.elapsed.total_seconds(),
            target_seconds=verdict.target.total_seconds(),
            due_at=verdict.due_at,
            settled_at=verdict.settled_at,
        )
        for verdict in verdicts
    ]


def told(events: list[Envelope], rows: list[Any]) -> FactHistory:
    """A ticket as the database tells it."""
    return FactHistory(TICKET, list(lines_of(events)), rows)


def found(events: list[Envelope], rows: list[Any], *others: PolicySnapshot) -> list[VerdictDifference]:
    """What verifying finds under the standard policy and perhaps others."""
    return differences(told(events, rows), {one.key: one for one in (policy(), *others)})


def test_what_was_recorded_live_is_what_history_says() -> None:
    events = a_life()
    assert len(recorded(events)) == 5
    assert found(events, recorded(events)) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("outcome", "breached"),
        ("elapsed_seconds", 1.0),
        ("target_seconds", 1.0),
        ("due_at", MONDAY),
        ("settled_at", MONDAY + timedelta(microseconds=1)),
    ],
)
def test_a_forged_verdict_is_found(name: str, value: str | float | datetime) -> None:
    events = a_life()
    rows = recorded(events)
    setattr(rows[0], name, value)
    assert [(one.metric, one.cycle) for one in found(events, rows)] == [(rows[0].metric, rows[0].cycle)]


def test_a_verdict_that_is_missing_or_made_up_is_found() -> None:
    events = a_life()
    rows = recorded(events)
    assert [one.recorded for one in found(events, rows[1:])] == ["none"]
    made_up = SimpleNamespace(**(vars(rows[0]) | {"cycle": 9}))
    assert [one.computed for one in found(events, [*rows, made_up])] == ["none"]


def test_without_a_policy_that_a_history_names_nothing_is_guessed() -> None:
    events = a_life()
    with pytest.raises(KeyError):
        differences(told(events, recorded(events)), {})


@pytest.mark.parametrize("mode", [PolicyMode.CARRY, PolicyMode.RESTART])
@pytest.mark.parametrize("is_undone", [True, False])
def test_several_versions_a_roll_out_and_its_undoing_are_all_verified(mode: PolicyMode, *, is_undone: bool) -> None:
    ticket = Ticket(TicketState.of(opening()))
    ticket.open(REQUESTER, MONDAY)
    first, second = policy().sealed(), policy(version=2, hours=OFFICE).sealed()
    ticket.handle(triage(policy=first), MONDAY)
    rollout = an_id("rollout")
    change = ChangeTicketPolicy(command_id="p", actor=AGENT, policy=second, mode=mode, rollout_id=rollout)
    ticket.handle(change, MONDAY + HOUR / 2)
    if is_undone:
        ticket.handle(RevertTicketPolicy(command_id="q", actor=AGENT, rollout_id=rollout), MONDAY + HOUR)
    ticket.advance(MONDAY + 9 * HOUR)
    ticket.handle(ResolveTicket(command_id="s", actor=AGENT), MONDAY + 9 * HOUR)
    events = [event.envelope(f"{TICKET}:{event.seq}", event.at) for event in ticket.events]
    rows = {(row.metric, row.cycle): row for row in recorded(events)}
    assert found(events, list(rows.values()), first, second) == []
    next(iter(rows.values())).outcome = "forged"
    assert len(found(events, list(rows.values()), first, second)) == 1


def test_status_tells_of_durable_consumers_alone() -> None:
    made = datetime.now(UTC)
    durable = ConsumerInfo("intake", "EVERDESK", ConsumerConfig(durable_name="intake"), made, num_pending=2)
    reader = ConsumerInfo("desk-live-1", "EVERDESK", ConsumerConfig(), made, num_pending=9)
    assert [(line.name, line.state) for line in consumer_lines([reader, durable])] == [("intake", "2 events")]


def test_status_tells_of_the_rest_while_nats_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = find_free_port()
    monkeypatch.setenv("EVERDESK_NATS_URL", f"nats://127.0.0.1:{nobody}")
    for service in ("INTAKE", "ASSIGNMENT", "NOTIFICATION"):
        monkeypatch.setenv(f"EVERDESK_BACKUP_{service}_URL", f"postgresql+asyncpg://x:x@127.0.0.1:{nobody}/x")
    monkeypatch.setenv("EVERDESK_PROCESS_URLS", f"intake=http://127.0.0.1:{nobody}")
    monkeypatch.setenv("EVERDESK_TEMPORAL_ADDRESS", f"127.0.0.1:{nobody}")
    monkeypatch.setenv("EVERDESK_LINK_SECRET", "a secret for tests")
    done = CliRunner().invoke(build_app(), ["status"])
    assert done.exit_code == 1
    for told in ("Readiness", "outboxes", "NATS does not answer", "mails out"):
        assert told in done.stdout


def test_status_is_not_well_while_events_are_parked() -> None:
    fine, bad = outbox_line("intake", 3, timedelta(seconds=2), 0), outbox_line("intake", 0, None, 7)
    assert fine.is_good
    assert fine.more == "oldest 2.0 s"
    assert not bad.is_good
    assert bad.more == "7 parked, refused by the bus: everdesk outbox list"


def test_mails_that_failed_for_good_are_no_good_state() -> None:
    fine, bad = mails_line(3, 0), mails_line(0, 2)
    assert (fine.state, fine.is_good, fine.more) == ("3 mails", True, "")
    assert not bad.is_good
    assert bad.more.startswith("2 failed")
