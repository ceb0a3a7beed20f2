"""What operators see of a running system: `everdesk doctor` finds planted faults, rules name metrics that are told."""

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx2
import pytest

from deploy.cli.doctor.checks import examine
from deploy.cli.doctor.findings import Finding, Gravity
from deploy.cli.doctor.process_environments import ProcessEnvironments
from shared.kit.clock import new_id
from tests.local.running import LocalStack
from tests.support.api import SystemClients
from tests.support.eventually import eventually
from tests.support.trace_collector import TraceCollector

ROOT = Path(__file__).resolve().parents[2]
METRIC = re.compile(r"\beverdesk_[a-z_]+\b")
SUFFIX = re.compile(r"_(bucket|count|sum|total)$")


@pytest.fixture
def around(stack: LocalStack, monkeypatch: pytest.MonkeyPatch) -> ProcessEnvironments:
    """The processes of the running system."""
    for name in [name for name in os.environ if name.startswith("EVERDESK_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("EVERDESK_HOME", str(stack.state))
    return ProcessEnvironments.find()


def one(findings: list[Finding], area: str, check: str) -> Finding:
    return next(finding for finding in findings if (finding.area, finding.check) == (area, check))


@asynccontextmanager
async def planted(url: str, insert: str, delete: str, *values: object) -> AsyncIterator[None]:
    """A row that should not be there, for as long as the block lasts."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(insert, *values)
        yield
    finally:
        await connection.execute(delete, values[0])
        await connection.close()


async def test_the_doctor_looks_at_every_part_of_a_running_system(stack: LocalStack) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("EVERDESK_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy.cli", "doctor", "--json"),
        stdout=asyncio.subprocess.PIPE,
        env=environment | {"EVERDESK_HOME": str(stack.state)},
    )
    said, _ = await process.communicate()
    document = json.loads(said)
    assert process.returncode == (1 if document["gravity"] == "error" else 0)
    found = {(finding["area"], finding["check"]): finding for finding in document["findings"]}
    expected = {
        *((f"postgres {name}", check) for name in ("intake", "assignment", "notification") for check in IN_DATABASES),
        *(
            ("nats", check)
            for check in ("reachable", "message size", "power cuts", "clock", "room", "retention", "consumer lag")
        ),
        *(("temporal", check) for check in ("reachable", "retention", "clock")),
        *(("workers", check) for check in ("polling", "builds")),
        *(("tickets", "workflow tasks"), ("mail", "smtp"), ("disk of state", "space")),
        *(("readiness", name) for name in ("intake", "assignment", "notification", "worker", "mail_in")),
    }
    assert expected <= found.keys()
    wrong = {where: found[where]["says"] for where in expected if found[where]["gravity"] in ("error", "unknown")}
    assert wrong == {}


IN_DATABASES = ("reachable", "power cuts", "clock", "migrations", "connections")


async def test_an_event_that_is_parked_and_a_timer_that_did_not_fire_are_found(around: ProcessEnvironments) -> None:
    event, ticket = f"doctor-{new_id()}", new_id()
    number = f"DOC-{ticket.hex[-8:]}"
    clocks = [{"metric": "resolution", "state": "running", "due_at": "2026-01-01T00:00:00Z", "breached_at": None}]
    insert_event = "insert into outbox (event_id, subject, envelope, parked_at) values ($1, 'x', '', now())"
    insert_ticket = """
    insert into tickets (id, number, seq, revision, status, priority, priority_rank, assignee_id, next_due_at,
      is_archived, subject, requester_name, requester_email, created_at, updated_at, snapshot)
    values ($1, $2, 1, 1, 'pending', 'normal', 2, $1, '2026-01-01Z', false, '', '', '', now(), now(), $3)
    """
    snapshot = json.dumps({"clocks": clocks, "reopen_count": 0})
    databases = around.databases
    async with (
        planted(databases["notification"], insert_event, "delete from outbox where event_id = $1", event),
        planted(databases["assignment"], insert_ticket, "delete from tickets where id = $1", ticket, number, snapshot),
    ):
        found = await examine(around)
    parked = one(found, "outbox notification", "lag")
    assert (parked.gravity, parked.mend) == (Gravity.ERROR, "everdesk outbox list --service notification")
    late = one(found, "tickets", "timers")
    assert late.gravity is Gravity.ERROR
    assert number in late.says


async def test_one_trace_goes_from_the_request_to_the_notification(stack: LocalStack) -> None:
    port = urlsplit(stack.settings["EVERDESK_TRACES_ENDPOINT"]).port
    assert port
    with TraceCollector(port).listening() as collector:
        ticket = await SystemClients(stack.described()).submit("Traced from end to end")

        def is_whole() -> None:
            begun = [span for span in collector.spans if span["name"] == "POST /v1/tickets"]
            assert begun, "no request"
            traces = {span["traceId"] for span in begun}
            ours = [span for span in collector.spans if span["traceId"] in traces]
            about = {item["value"]["stringValue"] for span in ours for item in span["attributes"]}
            assert ticket["id"] in about
            seen = {(span["service"], span["name"]) for span in ours}
            assert {
                ("everdesk-intake", "POST /v1/tickets"),
                ("everdesk-assignment", "assignment-opening everdesk.ticket.submitted.v1"),
                ("everdesk-assignment", "temporal open and command"),
                ("everdesk-notification", "notification everdesk.ticket.assigned.v1"),
                ("everdesk-notification", "mail send"),
            } <= seen, seen

        await eventually(is_whole, within=30)


async def test_every_metric_that_rules_and_dashboard_name_is_told(around: ProcessEnvironments) -> None:
    async with httpx2.AsyncClient(trust_env=False) as http:
        pages = [(await http.get(f"{url}/metrics")).text for url in around.urls.values()]
    told = {line.split()[2] for page in pages for line in page.splitlines() if line.startswith("# TYPE")}
    stems = {SUFFIX.sub("", name) for name in told}
    assert _named() <= told | stems | {"everdesk_measure_failed"}, sorted(_named() - told - stems)
    failed = [line for page in pages for line in page.splitlines() if line.startswith("everdesk_measure_failed{")]
    assert len(failed) == 9
    assert [line for line in failed if not line.endswith(" 0.0")] == []


def _named() -> set[str]:
    """Without the endings that a histogram or a counter adds."""
    dashboard: Any = json.loads((ROOT / "deploy/grafana/everdesk.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    text = "\n".join([(ROOT / "deploy/prometheus/alerts.yml").read_text(), *queries])
    return {SUFFIX.sub("", name) for name in METRIC.findall(text)}
