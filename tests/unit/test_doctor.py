"""What each check of `everdesk doctor` makes of what it finds: how bad it is, and that it says how to mend it."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from deploy.cli.doctor import certificates, machine, nats, postgres, temporal, tickets
from deploy.cli.doctor.checks import examine
from deploy.cli.doctor.findings import Finding, Gravity, clock_finding, ok, worst
from deploy.cli.doctor.process_environments import ProcessEnvironments
from deploy.cli.environment import database_url
from deploy.cli.versions import Version

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
OK, UNKNOWN, WARNING, ERROR = Gravity.OK, Gravity.UNKNOWN, Gravity.WARNING, Gravity.ERROR


def stream(used: int, room: int = 100, age: float = 30 * 86_400) -> Any:
    """A stream as NATS describes it."""
    config = SimpleNamespace(name="EVERDESK", max_bytes=room, max_age=age)
    return SimpleNamespace(config=config, state=SimpleNamespace(messages=3, bytes=used))


def builds(*statuses: str) -> list[Version]:
    """Builds of the workflow code in these states."""
    return [Version(f"b{place}", status, 1) for place, status in enumerate(statuses)]


CASES: list[tuple[str, Finding, Gravity]] = [
    ("clock", clock_finding("nats", SECOND / 2), OK),
    ("clock ahead", clock_finding("nats", 2 * SECOND), WARNING),
    ("clock behind", clock_finding("nats", -60 * SECOND), ERROR),
    ("fsync", postgres.durability_finding("p", {"fsync": "on", "synchronous_commit": "on"}), OK),
    ("no fsync", postgres.durability_finding("p", {"fsync": "off", "synchronous_commit": "on"}), ERROR),
    ("commit without fsync", postgres.durability_finding("p", {"synchronous_commit": "off"}), ERROR),
    ("connections", postgres.connections_finding("p", 0.3), OK),
    ("connections short", postgres.connections_finding("p", 0.85), WARNING),
    ("connections gone", postgres.connections_finding("p", 0.99), ERROR),
    ("outbox empty", postgres.outbox_finding("intake", 0, None, 0), OK),
    ("outbox busy", postgres.outbox_finding("intake", 900, 2 * SECOND, 0), OK),
    ("outbox slow", postgres.outbox_finding("intake", 1, 45 * SECOND, 0), WARNING),
    ("outbox stuck", postgres.outbox_finding("intake", 1, 600 * SECOND, 0), ERROR),
    ("outbox parked", postgres.outbox_finding("intake", 0, None, 2), ERROR),
    ("migrations behind", postgres.migrations_finding("notification", ["0001"]), ERROR),
    ("migrations ahead", postgres.migrations_finding("notification", ["9999"]), WARNING),
    ("timers", tickets.stuck_finding("timers", 0, "late", None), OK),
    ("timers late", tickets.stuck_finding("timers", 2, "late", ["EVD-1", "EVD-2"]), ERROR),
    ("loads", tickets.loads_finding(0), OK),
    ("loads miscounted", tickets.loads_finding(2), ERROR),
    ("intents", tickets.intents_finding(0, None), OK),
    ("intents left", tickets.intents_finding(3, NOW), ERROR),
    ("mails in", tickets.mails_in_finding(0, 2, None), OK),
    ("mails in late", tickets.mails_in_finding(0, 2, datetime(2026, 1, 1, tzinfo=UTC)), ERROR),
    ("mails in given up", tickets.mails_in_finding(1, 0, None), ERROR),
    ("mails out", tickets.mails_out_finding(0, 5, None), OK),
    ("mails out late", tickets.mails_out_finding(0, 5, datetime(2026, 1, 1, tzinfo=UTC)), ERROR),
    ("mails out failed", tickets.mails_out_finding(2, 0, None), WARNING),
    ("no circuit open", tickets.circuits_finding([]), OK),
    ("a target's circuit", tickets.circuits_finding([("the target Room", 6, None, None)]), WARNING),
    ("the mail server's circuit", tickets.circuits_finding([("the mail server", 6, NOW, "refused")]), ERROR),
    ("sync", nats.power_cut_finding(True, "it does"), OK),
    ("no sync", nats.power_cut_finding(False, "it does not"), ERROR),
    ("sync unknown", nats.power_cut_finding(None, "not known"), UNKNOWN),
    ("stream room", nats.room_finding(stream(10)), OK),
    ("stream nearly full", nats.room_finding(stream(85)), WARNING),
    ("stream full", nats.room_finding(stream(100)), ERROR),
    ("stream age", nats.age_finding(stream(1), 30 * 86_400), OK),
    ("stream too short", nats.age_finding(stream(1, age=86_400), 30 * 86_400), WARNING),
    ("messages of one megabyte", nats.size_finding(1024**2), OK),
    ("smaller messages", nats.size_finding(512 * 1024), WARNING),
    ("dead letters", nats.dead_letters_finding(1), ERROR),
    ("consumer", nats.consumer_finding("c", 9, SECOND), OK),
    ("consumer slow", nats.consumer_finding("c", 9, 60 * SECOND), WARNING),
    ("consumer stuck", nats.consumer_finding("c", 9, 600 * SECOND), ERROR),
    ("retention", temporal.retention_finding(45 * DAY, 30 * DAY), OK),
    ("retention too short", temporal.retention_finding(DAY, 30 * DAY), ERROR),
    ("workers", temporal.workers_finding([NOW - SECOND], NOW), OK),
    ("workers gone", temporal.workers_finding([NOW - 600 * SECOND], NOW), ERROR),
    ("temporal's clock ahead", temporal.poller_clock_finding([NOW + 9 * SECOND], NOW), ERROR),
    ("backlog", temporal.backlog_finding(4, SECOND), OK),
    ("backlog old", temporal.backlog_finding(4, 300 * SECOND), ERROR),
    ("failing", temporal.failing_finding(1), ERROR),
    ("unversioned", temporal.builds_finding([], ()), OK),
    ("a current build", temporal.builds_finding(builds("draining", "current"), {"b1"}), OK),
    ("a current build without workers", temporal.builds_finding(builds("draining", "current"), ()), ERROR),
    ("no current build", temporal.builds_finding(builds("inactive"), ()), WARNING),
    ("certificate", certificates.expiry_finding("desk", NOW - DAY, NOW + 89 * DAY, NOW), OK),
    ("certificate old", certificates.expiry_finding("desk", NOW - 80 * DAY, NOW + 10 * DAY, NOW), WARNING),
    ("certificate expired", certificates.expiry_finding("desk", NOW - 90 * DAY, NOW - DAY, NOW), ERROR),
    ("certificate for hours", certificates.expiry_finding("desk", NOW - 7 * HOUR, NOW + 5 * HOUR, NOW), OK),
    ("certificate for hours old", certificates.expiry_finding("desk", NOW - 10 * HOUR, NOW + 2 * HOUR, NOW), WARNING),
    ("certificate for hours late", certificates.expiry_finding("desk", NOW - 11 * HOUR, NOW + HOUR, NOW), ERROR),
    ("disk", machine.disk_finding("state", 50 * 10**9, 100 * 10**9), OK),
    ("disk nearly full", machine.disk_finding("state", 2 * 10**9, 100 * 10**9), WARNING),
    ("disk full", machine.disk_finding("state", 10**8, 100 * 10**9), ERROR),
    ("ready", machine.ready_finding("intake", 200, [], {"database": "ok"}), OK),
    ("degraded", machine.ready_finding("intake", 200, ["bus"], {"bus": "unreachable"}), WARNING),
    ("not ready", machine.ready_finding("intake", 503, [], {"database": "unreachable"}), ERROR),
]


@pytest.mark.parametrize(("finding", "gravity"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_each_case_is_graded_and_says_how_to_mend_it(finding: Finding, gravity: Gravity) -> None:
    assert finding.gravity is gravity
    assert bool(finding.mend) is (gravity is not OK)


def test_the_gravest_finding_decides() -> None:
    assert worst([]) is OK
    several = [ok("a", "b", "c"), nats.dead_letters_finding(1), machine.ready_finding("intake", 200, ["bus"], {})]
    assert worst(several) is ERROR


def test_the_monitor_of_nats_writes_more_digits_than_python_reads() -> None:
    assert nats.clock_of({"now": "2026-11-28T12:00:00.123456789Z"}) == NOW + timedelta(microseconds=123_456)
    assert nats.clock_of({"now": "soon"}) is nats.clock_of(None) is None


async def test_what_is_away_is_found_from_the_environment_of_one_process(tmp_path: Path) -> None:
    nowhere = "127.0.0.1:9"
    mailbox = '[{"name": "support", "host": "127.0.0.1", "port": 9, "security": "none", "user": "u", "password": "p"}]'
    around = ProcessEnvironments.of_environment(
        {
            "EVERDESK_DATABASE_URL": f"postgresql+asyncpg://nobody:secret-word@{nowhere}/nothing",
            "EVERDESK_TEMPORAL_ADDRESS": nowhere,
            "EVERDESK_SMTP_HOST": "127.0.0.1",
            "EVERDESK_SMTP_PORT": "9",
            "EVERDESK_LINK_SECRET": "x" * 32,
            "EVERDESK_MAILBOXES": mailbox,
            "EVERDESK_MAIL_TLS_CERTIFICATE": str(_expired_certificate(tmp_path)),
            "EVERDESK_PORT": "9",
        }
    )
    found = {(one.area, one.check): one.gravity for one in await examine(around)}
    wrong = {where for where, gravity in found.items() if gravity is ERROR}
    assert wrong == {
        ("postgres this", "reachable"),
        ("temporal", "reachable"),
        ("mail", "smtp"),
        ("mail", "mailbox support"),
        ("certificates", "mail.pem"),
        ("readiness", "this process"),
    }
    assert found[("nats", "reachable")] is UNKNOWN
    assert "secret-word" not in "".join(one.says + one.mend for one in await examine(around))


def test_the_operators_container_speaks_for_all_services(monkeypatch: pytest.MonkeyPatch) -> None:
    for service in ("intake", "assignment", "notification"):
        monkeypatch.setenv(f"EVERDESK_BACKUP_{service.upper()}_URL", f"postgresql+asyncpg://u:p@postgres/{service}")
    monkeypatch.setenv("EVERDESK_DATABASE_URL", "")
    monkeypatch.setenv("EVERDESK_NATS_URL", "nats://nats:4222")
    monkeypatch.setenv("EVERDESK_PROCESS_URLS", "intake=http://intake:8001 worker=http://worker:8004")
    around = ProcessEnvironments.find()
    assert around.databases["intake"] == "postgresql://u:p@postgres/intake"
    assert set(around.databases) == {"intake", "assignment", "notification"}
    assert around.urls == {"intake": "http://intake:8001", "worker": "http://worker:8004"}
    assert database_url("assignment") == "postgresql+asyncpg://u:p@postgres/assignment"
    monkeypatch.setenv("EVERDESK_DATABASE_URL", "postgresql+asyncpg://u:p@postgres/mine")
    assert set(ProcessEnvironments.find().databases) == {"this"}
    assert database_url("assignment").endswith("/mine")


async def test_a_public_name_that_leads_nowhere_from_here_is_looked_at_at_the_front_door(tmp_path: Path) -> None:
    shown = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    shown.load_cert_chain(_expired_certificate(tmp_path))
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", ssl=shown)
    async with server:
        port = server.sockets[0].getsockname()[1]
        public = {"EVERDESK_PORTAL_URL": "https://localhost:9", "EVERDESK_DESK_URL": "https://localhost:9/desk"}
        (without,) = {(one.check, one.gravity) for one in await _certificates_of(public)}
        (inside,) = {
            (one.check, one.gravity, one.says.partition(" on")[0])
            for one in await _certificates_of(public | {"EVERDESK_FRONT_DOOR": f"127.0.0.1:{port}"})
        }
        wrong = await _certificates_of(public | {"EVERDESK_FRONT_DOOR": "front-door:https"})
    assert without == ("localhost", UNKNOWN)
    assert {(one.gravity, one.mend) for one in wrong} == {(ERROR, "correct EVERDESK_FRONT_DOOR")}
    assert inside == ("localhost", ERROR, "expired")


async def _certificates_of(environment: dict[str, str]) -> list[Finding]:
    return await certificates.check_certificates(ProcessEnvironments.of_environment(environment))


def _expired_certificate(folder: Path) -> Path:
    """Returns a file with a certificate and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail.example")])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), NOW - 90 * DAY, NOW - DAY)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "mail.pem"
    path.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM) + secret)
    return path
