"""SCIM users and groups as answered, and the agent's fields derived from a user."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from services.assignment.access.scim.documents import Json
from services.assignment.access.scim.errors import bad_request
from services.assignment.access.scim.filters import AttributePath
from services.assignment.access.scim.names import ENTERPRISE, GROUP, LIST, USER
from services.assignment.models import Agent, DirectoryGroup, DirectoryUser
from shared.kit.http.inputs import Email, Line

MAX_NAME = 255
NO_ADDRESS = "@directory.invalid"
"""Domain of placeholder addresses for agents without one; `.invalid` is reserved by RFC 2606."""
_EMAIL: TypeAdapter[str] = TypeAdapter(Email)
_LINE: TypeAdapter[str] = TypeAdapter(Line)
Reference = tuple[UUID, str]


@dataclass(frozen=True, slots=True)
class UserRecord:
    """An agent with the attributes that the directory has sent."""

    agent: Agent
    known: DirectoryUser | None
    groups: Sequence[Reference] = ()

    @property
    def user_name(self) -> str:
        """The SCIM userName."""
        return self.known.user_name if self.known else self.agent.email

    @property
    def version(self) -> str:
        """The ETag; changes with the agent and with what the directory has sent."""
        return f'W/"{self.agent.version}.{self.known.version if self.known else 0}"'

    def document(self) -> Json:
        """The user in normal form; local changes to the agent override what the directory has sent."""
        said: Json = deepcopy(self.known.document) if self.known else {}
        said |= {"userName": self.user_name, "active": self.agent.is_active}
        if self.known and self.known.external_id:
            said["externalId"] = self.known.external_id
        if (name_in(said) or self.user_name) != self.agent.name:
            said["displayName"] = self.agent.name
        emails: list[Json] = said.get("emails", [])
        main = _main(emails)
        if self.agent.email.endswith(NO_ADDRESS):
            return said
        if main is None:
            emails.insert(0, {"value": self.agent.email, "type": "work", "primary": True})
        elif _usable(str(main.get("value", ""))) != self.agent.email:
            main["value"] = self.agent.email
        return said | {"emails": emails}

    def resource(self, base: str) -> Json:
        """The user as answered."""
        said = self.document()
        schemas = [USER, *([ENTERPRISE] if ENTERPRISE in said else [])]
        changed = max(filter(None, (self.agent.created_at, self.known.changed_at if self.known else None)))
        place = f"{base}/Users/{self.agent.id}"
        return {
            "schemas": schemas,
            "id": str(self.agent.id),
            **said,
            "groups": [
                {"value": str(group), "display": name, "$ref": f"{base}/Groups/{group}", "type": "direct"}
                for group, name in self.groups
            ],
            "meta": _meta("User", self.agent.created_at, changed, place, self.version),
        }


@dataclass(frozen=True, slots=True)
class GroupRecord:
    """A directory group, with its members if they were requested."""

    group: DirectoryGroup
    members: Sequence[Reference] = field(default=())

    @property
    def version(self) -> str:
        """The ETag."""
        return f'W/"{self.group.version}"'

    def document(self) -> Json:
        """The group in the normal form."""
        external = {"externalId": self.group.external_id} if self.group.external_id else {}
        members = [{"value": str(agent), "display": name} for agent, name in self.members]
        return {"displayName": self.group.name, **external, "members": members}

    def resource(self, base: str) -> Json:
        """The group as answered."""
        place = f"{base}/Groups/{self.group.id}"
        members = [
            {"value": str(agent), "display": name, "$ref": f"{base}/Users/{agent}", "type": "User"}
            for agent, name in self.members
        ]
        meta = _meta("Group", self.group.created_at, self.group.changed_at, place, self.version)
        return {"schemas": [GROUP], "id": str(self.group.id), **self.document(), "members": members, "meta": meta}


@dataclass(frozen=True, slots=True)
class WantedUser:
    """The agent fields that a SCIM user asks for."""

    user_name: str
    external_id: str | None
    email: str
    name: str
    is_active: bool
    document: Json


def wanted_user(said: Json, *, is_active: bool = True) -> WantedUser:
    """Derives agent fields from a normalised user. Raises ScimRefusal 400 (`invalidValue`).

    `is_active` is used where the document does not say.
    """
    user_name = str(said.get("userName", "")).strip()
    if not user_name or len(user_name) > MAX_NAME:
        raise bad_request("invalidValue", f"userName is required, with at most {MAX_NAME} characters")
    external = said.get("externalId")
    if external is not None and len(external) > MAX_NAME:
        raise bad_request("invalidValue", f"externalId has at most {MAX_NAME} characters")
    main = _main(said.get("emails", []))
    try:
        email = _EMAIL.validate_python(str(main["value"])) if main and main.get("value") else _address_of(user_name)
        name = _LINE.validate_python(name_in(said) or user_name)
    except ValidationError as error:
        reason = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise bad_request("invalidValue", f"emails or displayName: {reason}") from error
    kept = {key: value for key, value in said.items() if key not in ("userName", "externalId", "active")}
    return WantedUser(user_name, external, email, name, bool(said.get("active", is_active)), kept)


def name_in(said: Mapping[str, Any]) -> str:
    """The agent's name: `displayName`, else `name.formatted`, else given and family name."""
    parts = said.get("name", {})
    both = " ".join(part for part in (parts.get("givenName", ""), parts.get("familyName", "")) if part)
    return str(said.get("displayName") or parts.get("formatted") or both).strip()


def _main(emails: Sequence[Json]) -> Json | None:
    """The agent's address: the primary one, else one of type `work`, else the first."""
    ranked = sorted(emails, key=lambda one: (not one.get("primary"), str(one.get("type", "")).lower() != "work"))
    return ranked[0] if ranked else None


def _address_of(user_name: str) -> str:
    """An address for a user without one: the userName if it is an address, else an undeliverable one."""
    try:
        return _EMAIL.validate_python(user_name)
    except ValidationError:
        return f"{hashlib.sha256(user_name.lower().encode()).hexdigest()[:24]}{NO_ADDRESS}"


def _usable(address: str) -> str:
    try:
        return _EMAIL.validate_python(address)
    except ValidationError:
        return address


def _meta(kind: str, created: datetime, changed: datetime, location: str, version: str) -> Json:
    return {
        "resourceType": kind,
        "created": _instant(created),
        "lastModified": _instant(max(created, changed)),
        "location": location,
        "version": version,
    }


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def list_response(resources: Sequence[Json], total: int, start: int) -> Json:
    """A page of a list."""
    return {
        "schemas": [LIST],
        "totalResults": total,
        "startIndex": start,
        "itemsPerPage": len(resources),
        "Resources": list(resources),
    }


ALWAYS = frozenset({"id", "schemas"})


@dataclass(frozen=True, slots=True)
class Projection:
    """The attributes of an answer, by `attributes` or `excludedAttributes`."""

    wanted: tuple[AttributePath, ...] = ()
    unwanted: tuple[AttributePath, ...] = ()

    @classmethod
    def parse(cls, wanted: str | None, unwanted: str | None) -> "Projection":
        """From the parameters `attributes` and `excludedAttributes`. Raises ScimRefusal 400 (`invalidValue`)."""
        return cls(tuple(_paths(wanted)), tuple(_paths(unwanted)))

    def leaves_out(self, name: str) -> bool:
        """Whether an attribute need not be read at all."""
        if self.wanted:
            return not any(path.name.lower() == name.lower() for path in self.wanted)
        return any(path.name.lower() == name.lower() and path.part is None for path in self.unwanted)

    def of(self, resource: Json) -> Json:
        """The part of a resource that is answered."""
        if self.wanted:
            return {name: self._narrow(name, value) for name, value in resource.items() if self._has(name)}
        result = {name: value for name, value in resource.items() if not self._is_out(name)}
        return {name: self._without_parts(name, value) for name, value in result.items()}

    def _has(self, name: str) -> bool:
        return name in ALWAYS or any(_names(path, name) for path in self.wanted)

    def _is_out(self, name: str) -> bool:
        return name not in ALWAYS and any(_names(path, name) and _part(path, name) is None for path in self.unwanted)

    def _narrow(self, name: str, value: Any) -> Any:
        own = [_part(path, name) for path in self.wanted if _names(path, name)]
        parts = {part.lower() for part in own if part}
        return value if not parts or None in own else _only(value, parts, keep=True)

    def _without_parts(self, name: str, value: Any) -> Any:
        own = [_part(path, name) for path in self.unwanted if _names(path, name)]
        parts = {part.lower() for part in own if part}
        return _only(value, parts, keep=False) if parts else value


def _names(path: AttributePath, name: str) -> bool:
    """Whether a path is about an attribute; the enterprise extension is one attribute as a whole."""
    if path.schema is not None and path.schema.lower() == ENTERPRISE.lower():
        return name == ENTERPRISE
    return path.name.lower() == name.lower()


def _part(path: AttributePath, name: str) -> str | None:
    """The part of an attribute that a path is about; an extension's parts are its attributes."""
    return path.name or None if name == ENTERPRISE else path.part


def _only(value: Any, parts: set[str], *, keep: bool) -> Any:
    if isinstance(value, list):
        return [_only(one, parts, keep=keep) for one in value]
    if not isinstance(value, dict):
        return value
    return {name: one for name, one in value.items() if (name.lower() in parts) is keep}


def _paths(text: str | None) -> Iterable[AttributePath]:
    for word in (text or "").replace(",", " ").split():
        if word.lower() == ENTERPRISE.lower():
            yield AttributePath("", None, ENTERPRISE)
            continue
        path = AttributePath.parse(word)
        if path is None:
            raise bad_request("invalidValue", f"{word[:200]!r} is no attribute")
        yield path
