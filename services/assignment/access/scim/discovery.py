"""SCIM discovery documents: service provider configuration, resource types and schemas (RFC 7643, section 5-7)."""

from collections.abc import Mapping

from services.assignment.access.scim.documents import (
    ENTERPRISE_SPECS,
    GROUP_SPECS,
    USER_SPECS,
    AttributeSpec,
    Json,
)
from services.assignment.access.scim.names import ENTERPRISE, GROUP, USER

SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Schema"
RESOURCE_TYPE = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
CONFIGURATION = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
REQUIRED = {(USER, "userName"), (GROUP, "displayName")}
UNIQUE = {(USER, "userName"), (GROUP, "displayName")}
EXACT = {"externalId", "id", "$ref"}


def configuration(base: str, max_results: int) -> Json:
    """The service provider's configuration."""
    off = {"supported": False}
    return {
        "schemas": [CONFIGURATION],
        "documentationUri": "https://everdesk.example/docs/scim",
        "patch": {"supported": True},
        "bulk": {**off, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": True, "maxResults": max_results},
        "changePassword": off,
        "sort": off,
        "etag": {"supported": True},
        "authenticationSchemes": [
            {
                "type": "oauthbearertoken",
                "name": "Service token",
                "description": "A service token with the permission admin.agents, as Authorization: Bearer",
                "specUri": "https://www.rfc-editor.org/rfc/rfc6750",
                "primary": True,
            }
        ],
        "meta": {"resourceType": "ServiceProviderConfig", "location": f"{base}/ServiceProviderConfig"},
    }


def located(described: Json, base: str, place: str) -> Json:
    """A discovery document with its `meta.location`."""
    kind = {"ResourceTypes": "ResourceType", "Schemas": "Schema"}[place]
    return {**described, "meta": {"resourceType": kind, "location": f"{base}/{place}/{described['id']}"}}


RESOURCE_TYPES: tuple[Json, ...] = (
    {
        "schemas": [RESOURCE_TYPE],
        "id": "User",
        "name": "User",
        "endpoint": "/Users",
        "description": "Agents",
        "schema": USER,
        "schemaExtensions": [{"schema": ENTERPRISE, "required": False}],
    },
    {
        "schemas": [RESOURCE_TYPE],
        "id": "Group",
        "name": "Group",
        "endpoint": "/Groups",
        "description": "Groups of the directory, which may stand for roles in teams",
        "schema": GROUP,
        "schemaExtensions": [],
    },
)


def _attribute(schema: str, spec: AttributeSpec) -> Json:
    kind = {"text": "string", "flag": "boolean", "complex": "complex", "plural": "complex"}[spec.kind]
    described = _described(spec.name, kind, is_plural=spec.kind == "plural")
    described["required"] = (schema, spec.name) in REQUIRED
    described["uniqueness"] = "server" if (schema, spec.name) in UNIQUE else "none"
    if spec.parts:
        described["subAttributes"] = [_part(spec, part) for part in spec.parts]
    return described


def _part(spec: AttributeSpec, name: str) -> Json:
    kind = {"primary": "boolean", "$ref": "reference"}.get(name, "string")
    described = _described(name, kind)
    if name == "$ref":
        described["referenceTypes"] = ["User"]
        described["mutability"] = "immutable" if spec.name == "members" else "readWrite"
    if spec.name == "members":
        described["mutability"] = "readOnly" if name in ("display", "type") else "immutable"
    return described


def _described(name: str, kind: str, *, is_plural: bool = False, mutability: str = "readWrite") -> Json:
    return {
        "name": name,
        "type": kind,
        "multiValued": is_plural,
        "description": "",
        "required": False,
        "caseExact": name in EXACT,
        "mutability": mutability,
        "returned": "default",
        "uniqueness": "none",
    }


def _groups() -> Json:
    described = _described("groups", "complex", is_plural=True, mutability="readOnly")
    parts = [_described(name, "string", mutability="readOnly") for name in ("value", "display", "type")]
    reference = _described("$ref", "reference", mutability="readOnly") | {"referenceTypes": ["Group"]}
    return described | {"subAttributes": [*parts, reference]}


def _schema(name: str, label: str, specs: Mapping[str, AttributeSpec], *more: Json) -> Json:
    attributes = [_attribute(name, spec) for spec in specs.values() if spec.name != "externalId"]
    return {
        "schemas": [SCHEMA],
        "id": name,
        "name": label,
        "description": label,
        "attributes": [*attributes, *more],
    }


SCHEMAS: tuple[Json, ...] = (
    _schema(USER, "User", USER_SPECS, _groups()),
    _schema(GROUP, "Group", GROUP_SPECS),
    _schema(ENTERPRISE, "EnterpriseUser", ENTERPRISE_SPECS),
)
