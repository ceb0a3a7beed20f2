"""Clients that go on asking while something happens to the stack, and remember each answer."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException

from shared.kit.clock import new_id
from tests.containers.composed import FrontDoor

BETWEEN = 0.2
PATIENCE = 90.0


@dataclass
class ClientAnswers:
    """What clients were answered."""

    tickets: dict[str, str] = field(default_factory=dict)
    """Acknowledged ones: id by subject."""
    later: Counter[str] = field(default_factory=Counter)
    """How often which path said 503 with `Retry-After`."""
    wrong: list[str] = field(default_factory=list)
    """Everything that a client cannot be expected to live with."""


@contextmanager
def asking(door: FrontDoor, api_key: str) -> Iterator[ClientAnswers]:
    """A client of each service, for as long as the block lasts; each asks again until it has been answered."""
    asked, is_over = ClientAnswers(), threading.Event()
    clients = [
        threading.Thread(target=_submit_again_and_again, args=(door, api_key, asked, is_over)),
        *(
            threading.Thread(target=_look_again_and_again, args=(door, path, asked, is_over))
            for path in ("/desk/v1/me", "/notify/v1/deliveries")
        ),
    ]
    for client in clients:
        client.start()
    try:
        yield asked
    finally:
        is_over.set()
        for client in clients:
            client.join()


def submit(door: FrontDoor, api_key: str, asked: ClientAnswers) -> None:
    """One ticket, with one key, until it is acknowledged."""
    key, subject = str(new_id()), f"Asked {new_id()}"
    headers = {
        "Authorization": f"Bearer {api_key}",
        "Idempotency-Key": key,
        "Content-Type": "application/json",
    }
    ticket = {"requester": {"email": f"{key}@example.com", "name": "R"}, "subject": subject, "body": "Please help."}
    body = _answer(door, "POST", "/v1/tickets", 201, asked, headers, json.dumps(ticket))
    if body is not None:
        asked.tickets[subject] = json.loads(body)["id"]


def _submit_again_and_again(door: FrontDoor, api_key: str, asked: ClientAnswers, is_over: threading.Event) -> None:
    while not is_over.wait(BETWEEN):
        submit(door, api_key, asked)


def _look_again_and_again(door: FrontDoor, path: str, asked: ClientAnswers, is_over: threading.Event) -> None:
    while not is_over.wait(BETWEEN):
        _answer(door, "GET", path, 401, asked, {}, None)


def _answer(
    door: FrontDoor,
    method: str,
    path: str,
    expected: int,
    asked: ClientAnswers,
    headers: dict[str, str],
    content: str | None,
) -> str | None:
    """The body of the answer that was expected; None, and noted, after anything that may not be."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            status, named, body = door.ask(method, path, headers, content)
        except (OSError, HTTPException) as problem:
            asked.wrong.append(f"{method} {path}: {problem!r}")
            return None
        if status == expected:
            return body
        if status != 503 or "retry-after" not in named:
            asked.wrong.append(f"{method} {path}: {status} {body[:200]}")
            return None
        asked.later[path] += 1
        time.sleep(min(float(named["retry-after"]), 3))
    asked.wrong.append(f"{method} {path}: 503 for {PATIENCE:.0f} s")
    return None
