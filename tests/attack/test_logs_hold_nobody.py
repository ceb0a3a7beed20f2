"""Addresses, words and keys that get into log lines: by careless calls, or by what libraries and servers say."""

import json
import logging
from functools import partial

import httpx2
import pytest
import structlog

from shared.kit.log_privacy import ADDRESS, masked
from shared.kit.settings import Settings
from shared.kit.telemetry import configure_logging, log
from tests.e2e.test_mail import latest, send
from tests.local.running import LocalStack
from tests.support.api import SystemClients
from tests.support.eventually import eventually

CASES = [
    ("550 5.1.1 <dana@bank.example>: no such user", "dana@bank.example"),
    ("Recipient dana+x@xn--bcher-kva.example refused", "dana+x@xn--bcher-kva.example"),
    ("jürgen@bücher.example is unknown", "jürgen@bücher.example"),
    ("to=('dana@bank.example',)", "dana@bank.example"),
    ("could not connect to nats://user:pa55word@nats:4222", "pa55word"),
    ("postgresql+asyncpg://intake:s3cr3t@db/intake is away", "s3cr3t"),
    ("mailto:dana@localhost", "dana@localhost"),
    ("key hd_0123456789abcdef_" + "A" * 43 + " used", "A" * 43),
]


@pytest.mark.parametrize(("text", "private"), CASES)
def test_what_is_private_is_masked_wherever_it_stands(text: str, private: str) -> None:
    assert private not in masked(text)


def test_what_is_not_private_stays() -> None:
    for text in ("intake@0.1", "ticket.opened", "2026-11-28T04:00:00Z", "a/b@c", "everdesk.ticket.opened.v1.01a2"):
        assert text in (masked(text), text)
    assert masked("bus.connected") == "bus.connected"
    assert ADDRESS in masked("From dana@bank.example at noon")


def fail() -> None:
    raise ValueError("mail to dana@bank.example failed")


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_tracebacks_and_nested_fields_are_masked(capsys: pytest.CaptureFixture[str], log_format: str) -> None:
    root = logging.getLogger()
    handlers, level, before = root.handlers[:], root.level, structlog.get_config()
    settings = Settings.model_validate({"link_secret": "x" * 16, "log_format": log_format})
    try:
        configure_logging(settings, "test")
        structlog.configure(cache_logger_on_first_use=False)
        try:
            fail()
        except ValueError as error:
            log.error("it.failed", exc_info=error, detail={"to": ["dana@bank.example"]}, error=error, subject="My card")
        logging.getLogger("library").warning("server said %s", "550 <dana@bank.example>")
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.configure(**before)
        structlog.contextvars.clear_contextvars()
    said = capsys.readouterr().out
    assert "it.failed" in said
    assert "Traceback" in said
    assert "dana@" not in said
    assert "My card" not in said
    if log_format == "json":
        assert [json.loads(line)["level"] for line in said.splitlines()] == ["error", "warning"]


async def test_a_whole_life_leaves_nobody_in_the_logs(stack: LocalStack) -> None:
    system = SystemClients(stack.described())
    email, subject, text = "Zelda.Private@bank.example", "Quagmire of cards", "The xylophone plays at 4111."
    await send(stack, email, subject, text)
    mail = await eventually(partial(latest, system, email.lower(), 1), within=30)
    await send(stack, email, f"Re: {mail['Subject']}", "Another xylophone.", f"<{mail['MessageID']}>")
    urls = stack.described()["urls"]
    async with httpx2.AsyncClient() as http:
        credentials = {"email": "quentin.private@bank.example", "password": "hunter2-hunter2"}
        for _ in range(3):
            await http.post(f"{urls['assignment']}/v1/sessions", json=credentials)
        body = {"requester": {"email": email, "name": "Zelda Private"}, "subject": subject, "body": text}
        key = stack.described()["credentials"]["api_key"]
        headers = {"Authorization": f"Bearer {key}"}
        opened = await http.post(f"{urls['intake']}/v1/tickets", json=body, headers=headers)
        token = opened.json()["access_url"].rpartition("/")[2]
        await http.get(f"{urls['intake']}/t/{token}x")
        await http.post(f"{urls['intake']}/v1/tickets", json=body | {"nonsense": email}, headers=headers)
    await eventually(partial(latest, system, email.lower(), 2), within=30)
    lines = [line for line in stack.lines if " | " in line[:20]]
    for file in (stack.state / "logs").iterdir():
        lines += file.read_text(errors="replace").splitlines()
    for private in ("private@bank", "Quagmire", "xylophone", "hunter2", "Zelda", token[:40], key):
        held = [line[:200] for line in lines if private.lower() in line.lower()]
        assert held == [], private
