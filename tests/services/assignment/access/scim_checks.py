"""What a check of SCIM's conformance is made of: a request, and what must hold of its answer."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx2

from services.assignment.access.scim.names import LIST, PATCH, USER
from shared.kit.clock import new_id
from tests.services.assignment.access.test_scim import Scim
from tests.services.assignment.desk import Json

ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
Holds = Callable[[Json, "World"], bool]


@dataclass(frozen=True)
class Check:
    """A request, and what must hold of its answer; `{user}` and the like stand for things of the world."""

    list: str
    name: str
    method: str
    path: str
    body: Any = None
    status: int = 200
    holds: Holds = lambda said, world: True
    headers: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return f"{self.list}: {self.name}"


@dataclass
class World:
    """One directory with a user, another, and a group of the first."""

    scim: Scim
    user: Json
    other: Json
    group: Json
    answer: httpx2.Response | None = None

    def fill(self, value: Any) -> Any:
        """The value with names in place of what stands for them."""
        text = json.dumps(value)
        known = {"user": self.user["id"], "other": self.other["id"], "group": self.group["id"], "new": new_id().hex}
        known |= {"name": self.user["userName"], "NAME": self.user["userName"].upper(), "nobody": str(new_id())}
        known |= {"external": self.user["externalId"], "mail": self.user["emails"][0]["value"]}
        known |= {"group_name": self.group["displayName"], "version": json.dumps(self.user["meta"]["version"])[1:-1]}
        for word, given in known.items():
            text = text.replace(f"{{{word}}}", given)
        return json.loads(text)


def patch(*operations: Json) -> Json:
    return {"schemas": [PATCH], "Operations": list(operations)}


def op(name: str, path: str | None = None, value: Any = None) -> Json:
    found: Json = {"op": name}
    found |= {"path": path} if path is not None else {}
    return found | ({"value": value} if value is not None else {})


def ids(said: Json) -> list[str]:
    return [one["id"] for one in said["Resources"]]


def members(said: Json) -> set[str]:
    return {one["value"] for one in said["members"]}


def finds_user(said: Json, world: World) -> bool:
    return ids(said) == [world.user["id"]] and said["totalResults"] == 1


def finds_none(said: Json, world: World) -> bool:
    return said["schemas"] == [LIST] and (said["totalResults"], said["Resources"]) == (0, [])


def is_error(kind: str = "") -> Holds:
    def holds(said: Json, world: World) -> bool:
        status = world.answer.status_code if world.answer else 0
        return (said["schemas"], said["status"], bool(said["detail"])) == ([ERROR], str(status), True) and (
            said.get("scimType", "") == kind
        )

    return holds


def filtered(name: str, condition: str, holds: Holds = finds_user) -> Check:
    return Check("filters", name, "GET", f"Users?filter={condition}", holds=holds)


def on_user(source: str, name: str, operations: list[Json], holds: Holds, status: int = 200) -> Check:
    return Check(source, name, "PATCH", "Users/{user}", patch(*operations), status, holds)


def on_group(source: str, name: str, operations: list[Json], holds: Holds) -> Check:
    return Check(source, name, "PATCH", "Groups/{group}", patch(*operations), holds=holds)


PERSON: Json = {"schemas": [USER], "userName": "{new}@everdesk.example", "active": True}
SCIM_JSON = (("Content-Type", "application/scim+json"),)
