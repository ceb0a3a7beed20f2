"""Passes by which the desk calls intake's administration: forged, altered, copied and old ones open nothing."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from itsdangerous import URLSafeTimedSerializer

from shared.kit.administrator_passes import SCHEME, Administrator, AdministratorPasses, PassedRequest
from shared.kit.settings import Settings

SETTINGS = Settings.model_validate({"link_secret": "a-secret-only-for-tests"})
ADA = Administrator("0197b3a1-7c1e-7a51-9d43-0f6f4b9f9a11", "Ada Lindqvist", "203.0.113.7")
ASKED = PassedRequest("intake", "POST", "/v1/admin/bans?x=1", b'{"pattern": "@spam.example"}')
PASSES = AdministratorPasses(SETTINGS)


def other_requests() -> Iterator[PassedRequest]:
    yield replace(ASKED, method="DELETE")
    yield replace(ASKED, target="/v1/admin/api-keys?x=1")
    yield replace(ASKED, target="/v1/admin/bans?x=2")
    yield replace(ASKED, target="/v1/admin/bans")
    yield replace(ASKED, body=b'{"pattern": "@bank.example"}')
    yield replace(ASKED, body=b"")
    yield replace(ASKED, service="notification")


def test_a_pass_names_the_administrator_for_its_own_request() -> None:
    assert PASSES.read(PASSES.make(ADA, ASKED), ASKED) == ADA


@pytest.mark.parametrize("other", other_requests())
def test_a_copied_pass_does_nothing_else(other: PassedRequest) -> None:
    assert PASSES.read(PASSES.make(ADA, ASKED), other) is None


def test_a_pass_is_worthless_after_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    made, now = PASSES.make(ADA, ASKED), time.time()
    monkeypatch.setattr(time, "time", lambda: now + 40)
    assert PASSES.read(made, ASKED) is None


@pytest.mark.parametrize(
    "forged",
    [
        "",
        SCHEME,
        f"{SCHEME} ",
        f"{SCHEME} a.b.c",
        "Bearer " + PASSES.make(ADA, ASKED).partition(" ")[2],
        f"{SCHEME} " + "x" * 100_000,
        AdministratorPasses(Settings.model_validate({"link_secret": "another-secret-entirely"})).make(ADA, ASKED),
        f"{SCHEME} "
        + URLSafeTimedSerializer("a-secret-only-for-tests", salt="ticket-link").dumps(["", "", "", ASKED.digest]),
        f"{SCHEME} " + URLSafeTimedSerializer("a-secret-only-for-tests", salt="administrator-pass").dumps(["x"]),
    ],
    ids=lambda _: "forged",
)
def test_what_was_not_signed_for_this_opens_nothing(forged: str) -> None:
    assert PASSES.read(forged, ASKED) is None
