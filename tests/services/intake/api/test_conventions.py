"""Every route speaks the same way, also when it refuses."""

from collections.abc import Iterator
from typing import Any

import pytest

from services.intake.app import build
from services.intake.settings import IntakeSettings
from tests.services.intake.harness import IntakeHarness

Operation = dict[str, Any]
NOBODY = "01a2091e-28d4-7cf0-8b1a-8bdbf7a6b0f1"


def operations(described: dict[str, Any]) -> Iterator[tuple[str, str, Operation]]:
    """Method, path and description of each."""
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


@pytest.fixture(scope="session")
def described(settings: IntakeSettings) -> dict[str, Any]:
    """The OpenAPI document."""
    return build(settings).openapi()


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1", 404, "not_found"),
        ("GET", "/v2/tickets", 404, "not_found"),
        ("GET", "/v1/tickets/%00", 422, "invalid_input"),
        ("GET", f"/v1/tickets/{NOBODY}", 404, "not_found"),
        ("DELETE", "/v1/tickets", 405, "method_not_allowed"),
        ("PUT", f"/v1/tickets/{NOBODY}", 405, "method_not_allowed"),
        ("TRACE", "/v1/topics", 405, "method_not_allowed"),
    ],
)
async def test_what_is_not_there_is_a_problem_too(
    intake: IntakeHarness, method: str, path: str, status: int, code: str
) -> None:
    async with intake.client() as http:
        answer = await http.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    if status == 405:
        assert answer.headers["allow"] == {"/v1/tickets": "GET, POST"}.get(path, "GET")


def test_every_post_takes_an_idempotency_key(described: dict[str, Any]) -> None:
    without = [
        path
        for method, path, operation in operations(described)
        if method == "POST" and path.startswith("/v1/")
        and "Idempotency-Key" not in [parameter["name"] for parameter in operation.get("parameters", [])]
    ]  # fmt: skip
    assert without == []


def test_every_list_has_a_limit_and_a_cursor_or_is_short(described: dict[str, Any]) -> None:
    for _, path, operation in operations(described):
        content = operation["responses"].get("200", {}).get("content", {}).get("application/json", {})
        if "Page_" in str(content.get("schema", {}).get("$ref", "")) and path != "/v1/topics":
            names = {parameter["name"] for parameter in operation["parameters"]}
            assert names >= {"limit", "cursor"}, path


async def test_every_route_of_the_api_asks_for_a_key(intake: IntakeHarness, described: dict[str, Any]) -> None:
    async with intake.browser() as http:
        for method, path, _ in operations(described):
            if path.startswith("/v1/"):
                answer = await http.request(method, path.replace("{ticket_id}", NOBODY).replace("{key_id}", "0" * 16))
                assert (answer.status_code, answer.json()["code"]) == (401, "invalid_api_key"), (method, path)
