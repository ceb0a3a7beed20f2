"""Claiming another network address through `X-Forwarded-For`, behind each shape of proxy."""

from collections.abc import AsyncIterator

import pytest

from services.intake.app import build
from services.intake.settings import IntakeSettings
from tests.services.intake.harness import IntakeHarness
from tests.support.raw_http import served, status_of

ALLOWED, CALLER = "192.0.2.10", "203.0.113.66"
"""The address that the key is bound to, and the attacker's own."""
FORWARDED = "X-Forwarded-For"

ATTACKS = {
    "nginx appends to the line": [f"{FORWARDED}: {ALLOWED}, {CALLER}"],
    "HAProxy adds a line of its own": [f"{FORWARDED}: {ALLOWED}", f"{FORWARDED}: {CALLER}"],
    "HAProxy, several lines of the client's": [f"{FORWARDED}: {ALLOWED}"] * 3 + [f"{FORWARDED}: {CALLER}"],
    "Traefik replaces the line, and adds X-Real-Ip": [f"{FORWARDED}: {CALLER}", f"X-Real-Ip: {ALLOWED}"],
    "Caddy replaces the line": [f"{FORWARDED}: {CALLER}", f"Forwarded: for={ALLOWED}"],
    "a chain: CDN, then a local proxy": [f"{FORWARDED}: {ALLOWED}, {CALLER}, 10.9.0.2"],
    "a chain in lines": [f"{FORWARDED}: {ALLOWED}", f"{FORWARDED}: {CALLER}", f"{FORWARDED}: 10.9.0.2"],
    "a hop that is no address": [f"{FORWARDED}: {ALLOWED}, unknown, {CALLER}"],
    "a hop that hides": [f"{FORWARDED}: {ALLOWED}, _hidden, 10.9.0.2"],
    "an empty hop": [f"{FORWARDED}: {ALLOWED},, 10.9.0.2"],
    "an empty last line": [f"{FORWARDED}: {ALLOWED}", f"{FORWARDED}: "],
    "a zone": [f"{FORWARDED}: {ALLOWED}, fe80::1%10.9.0.2"],
    "a port that is none": [f"{FORWARDED}: {ALLOWED}, 10.9.0.2:x"],
    "other headers alone": [f"X-Real-IP: {ALLOWED}", f"Forwarded: for={ALLOWED}", f"X-Client-IP: {ALLOWED}"],
    "very many hops": [f"{FORWARDED}: {ALLOWED}, " + ", ".join(["10.9.0.2"] * 500)],
}
HONEST = {
    "nginx": [f"{FORWARDED}: {ALLOWED}"],
    "HAProxy beside a lie of its client": [f"{FORWARDED}: 198.51.100.1", f"{FORWARDED}: {ALLOWED}"],
    "a port": [f"{FORWARDED}: {ALLOWED}:51234"],
    "IPv4 in IPv6's form": [f"{FORWARDED}: ::ffff:{ALLOWED}"],
    "in brackets": [f"{FORWARDED}: [::ffff:{ALLOWED}]:51234"],
    "a chain": [f"{FORWARDED}: {ALLOWED}, 10.9.0.2, 10.9.0.3"],
    "a chain in lines": [f"{FORWARDED}: {ALLOWED}", f"{FORWARDED}: 10.9.0.2"],
}


@pytest.fixture(scope="module")
async def behind_a_proxy(intake: IntakeHarness, settings: IntakeSettings) -> AsyncIterator[int]:
    """Intake on a port, behind trusted proxies at the loopback and in 10.9.0.0/16."""
    trusting = settings.model_validate(settings.model_dump() | {"trusted_proxies": "127.0.0.0/8, 10.9.0.0/16"})
    async with served(build(trusting)) as port:
        yield port


@pytest.mark.parametrize("lines", ATTACKS.values(), ids=ATTACKS.keys())
async def test_a_key_bound_to_a_network_is_not_used_from_elsewhere(
    intake: IntakeHarness, behind_a_proxy: int, lines: list[str]
) -> None:
    key = await intake.make_key(cidrs=[f"{ALLOWED}/32"])
    headers = [f"Authorization: Bearer {key}", *lines]
    assert await status_of(behind_a_proxy, "GET", "/v1/topics", headers) == 403


@pytest.mark.parametrize("lines", HONEST.values(), ids=HONEST.keys())
async def test_its_owner_gets_in_through_each_proxy(
    intake: IntakeHarness, behind_a_proxy: int, lines: list[str]
) -> None:
    key = await intake.make_key(cidrs=[f"{ALLOWED}/32"])
    headers = [f"Authorization: Bearer {key}", *lines]
    assert await status_of(behind_a_proxy, "GET", "/v1/topics", headers) == 200
