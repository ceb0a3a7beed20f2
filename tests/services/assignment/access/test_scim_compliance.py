"""SCIM against the checks of public compliance lists, one test each."""

import json

import pytest

from services.assignment.access.scim.names import ENTERPRISE
from shared.kit.clock import new_id
from tests.services.assignment.access.scim_checks import ERROR, SCIM_JSON, Check, World
from tests.services.assignment.access.scim_directory_checks import ENTRA, OKTA
from tests.services.assignment.access.scim_protocol_checks import DISCOVERY, FILTERS, PROTOCOL
from tests.services.assignment.access.test_scim import Scim
from tests.services.assignment.access.test_service_tokens import made, program
from tests.services.assignment.desk import Desk


@pytest.fixture(scope="module")
async def directory(desk: Desk) -> Scim:
    return Scim(program(desk, await made(desk, ["admin.agents"])))


@pytest.mark.parametrize("check", [*ENTRA, *OKTA, *FILTERS, *PROTOCOL, *DISCOVERY], ids=str)
async def test_it_holds(directory: Scim, check: Check) -> None:
    user, other = await directory.user(), await directory.user()
    sent = {"displayName": f"g-{new_id().hex}", "members": [{"value": user["id"]}]}
    group = await directory.send("POST", "Groups", sent, 201)
    world = World(directory, await directory.send("GET", f"Users/{user['id']}"), other, group)
    place, _, question = world.fill(check.path).partition("?")
    params = dict(part.split("=", 1) for part in question.split("&")) if question else {}
    body = world.fill(check.body) if check.body is not None else None
    headers = dict(SCIM_JSON) | {name: world.fill(value) for name, value in check.headers}
    content = {} if body is None else {"content": json.dumps(body).encode()}
    world.answer = answer = await directory.api.send(
        check.method, f"/scim/v2/{place}", params=params, headers=headers, **content
    )
    assert answer.status_code == check.status, answer.text
    if answer.content:
        assert answer.headers["content-type"] == "application/scim+json"
    said = answer.json() if answer.content else {}
    assert check.holds(said, world), answer.text


async def test_a_part_of_the_extension_can_be_asked_for_and_left_out(directory: Scim) -> None:
    user = await directory.user(**{ENTERPRISE: {"department": "Payments", "costCenter": "7"}})
    path = f"Users/{user['id']}"
    one = await directory.send("GET", path, params={"attributes": f"{ENTERPRISE}:department"})
    assert one[ENTERPRISE] == {"department": "Payments"}
    rest = await directory.send("GET", path, params={"excludedAttributes": f"{ENTERPRISE}:department"})
    assert (rest[ENTERPRISE], rest["userName"]) == ({"costCenter": "7"}, user["userName"])
    assert ENTERPRISE not in await directory.send("GET", path, params={"excludedAttributes": ENTERPRISE})


async def test_nobody_reads_without_a_token(desk: Desk) -> None:
    for path in ("Users", "Groups", "Schemas", "ServiceProviderConfig", "ResourceTypes"):
        answer = await desk.http.get(f"/scim/v2/{path}")
        assert (answer.status_code, answer.json()["schemas"]) == (401, [ERROR])
        assert "Bearer" in answer.headers["www-authenticate"]
