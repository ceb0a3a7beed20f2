"""The OpenAPI document as people and tools read it: FastAPI's, with refusals and an example at every operation.

What a route may refuse follows from what it takes, so it is derived here and written down at no route.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from shared.kit.http import problems

Json = dict[str, Any]

METHODS = ("get", "post", "put", "patch", "delete")
JSON = "application/json"
PROBLEM = {"$ref": "#/components/schemas/Problem"}
PROBLEM_SCHEMA: Json = {
    "title": "Problem",
    "description": "What was refused and why, as RFC 9457 says it. `code` is stable; words may change.",
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "request_id": {"type": ["string", "null"]},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "pointer": {"type": "string", "description": "A JSON pointer, or the place and name elsewhere"},
                    "detail": {"type": "string"},
                    "kind": {"type": "string"},
                },
            },
        },
    },
}
REFUSALS: Mapping[int, tuple[str, str, str]] = {
    400: ("The body cannot be read", "malformed_json", "the body is not valid JSON in UTF-8: EOF while parsing"),
    401: (
        "No key, or one that does not work",
        "invalid_api_key",
        "send a valid API key as Authorization: Bearer hd_...",
    ),
    403: ("Not permitted to this caller", "scope_missing", "this API key lacks the scope 'read'"),
    404: ("There is no such thing, or it may not be seen", "not_found", "there is no such ticket"),
    409: ("Not possible now", "request_in_flight", "a request with this Idempotency-Key is still running"),
    412: ("Changed since you saw it", "version_conflict", "the ticket is at revision 4, not 3; look at it again"),
    413: ("Too large", "too_large", "the request is larger than 1280 KiB"),
    415: ("The body is of another type", "unsupported_media_type", "send the body as application/json"),
    422: ("A field, parameter or header is not valid", "invalid_input", "/subject: must not be blank"),
    429: ("Too many requests", "rate_limited", "more than 600 requests a minute; try again in 3 s"),
    503: ("Away for a moment; send the same again", "unavailable", "the database does not answer"),
}
"""Status: what it means, and the code and words of an example."""


def operation_id(route: APIRoute) -> str:
    """The name of an operation: what it is about, then what is done."""
    return "_".join([*(str(tag) for tag in route.tags[:1]), route.name]).replace(" ", "_")


def describe(app: FastAPI) -> None:
    """Makes `app.openapi()` give the completed document, made once."""

    def document() -> Json:
        if app.openapi_schema is None:
            app.openapi_schema = completed(
                get_openapi(
                    title=app.title,
                    version=app.version,
                    description=app.description,
                    routes=app.routes,
                    tags=app.openapi_tags,
                    servers=app.servers or None,
                )
            )
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def completed(document: Json) -> Json:
    """The document with summaries, refusals and examples."""
    schemas: Json = document.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = PROBLEM_SCHEMA
    for path, operation in operations(document):
        said = str(operation.get("description", ""))
        operation["summary"] = said.partition(". ")[0].partition("\n")[0].removesuffix(".") or operation["summary"]
        if "if-none-match" in _headers(operation):
            operation["responses"]["304"] = {"description": "You have it already"}
        for status in _refused(path, operation):
            operation["responses"].setdefault(str(status), _refusal(status))
        for content in _json_contents(operation):
            if "example" not in content and "examples" not in content:
                content["example"] = example_of(content.get("schema", {}), schemas)
    return document


def operations(document: Json) -> Iterator[tuple[str, Json]]:
    """Path and description of every operation."""
    for path, methods in document["paths"].items():
        yield from ((path, methods[method]) for method in METHODS if method in methods)


def example_of(schema: Json, schemas: Json) -> Any:
    """An example of what a schema describes: the written one where there is one, else put together from its parts."""
    if "$ref" in schema:
        return example_of(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    for name in ("examples", "example", "const", "default", "enum"):
        if name in schema:
            return _completed(schema[name][0] if name in ("examples", "enum") else schema[name], schema, schemas)
    if parts := schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf"):
        return None if {"type": "null"} in parts and len(parts) == 2 else example_of(parts[0], schemas)
    match schema.get("type"):
        case "object":
            return {name: example_of(inner, schemas) for name, inner in schema.get("properties", {}).items()}
        case "array":
            return [example_of(schema["items"], schemas)] if "items" in schema else []
        case kind:
            return EXAMPLES.get(str(schema.get("format", kind)))


def _completed(example: Any, schema: Json, schemas: Json) -> Any:
    """What the schema requires and the example leaves out is put in: FastAPI drops nulls from examples."""
    if not isinstance(example, dict):
        return example
    left_out = [name for name in schema.get("required", ()) if name not in example]
    return example | {name: example_of(schema["properties"][name], schemas) for name in left_out}


EXAMPLES: Mapping[str, Any] = {
    "string": "text",
    "integer": 1,
    "number": 1.5,
    "boolean": True,
    "uuid": "01a2091e-28d4-7cf0-8b1a-8bdbf7a6b0f1",
    "date-time": "2026-11-24T09:30:00Z",
    "date": "2026-11-24",
    "uri": "https://help.example/",
}


def _refused(path: str, operation: Json) -> Iterator[int]:
    headers = _headers(operation)
    if operation.get("security"):
        yield from (401, 403, 429)
    if "{" in path:
        yield 404
    if "idempotency-key" in headers:
        yield 409
    if "if-match" in headers:
        yield 412
    if "requestBody" in operation:
        yield from (400, 413, 415)
    if "requestBody" in operation or operation.get("parameters"):
        yield 422
    yield 503


def _headers(operation: Json) -> set[str]:
    return {parameter["name"].lower() for parameter in operation.get("parameters", []) if parameter["in"] == "header"}


def _refusal(status: int) -> Json:
    meaning, code, detail = REFUSALS[status]
    example = problems.body_of(problems.Problem(status, code, detail), "01a2091e-28d4-7cf0-8b1a-8bdbf7a6b0f1")
    return {"description": meaning, "content": {problems.MEDIA_TYPE: {"schema": PROBLEM, "example": example}}}


def _json_contents(operation: Json) -> Iterator[Json]:
    for part in (operation.get("requestBody", {}), *operation["responses"].values()):
        if JSON in part.get("content", {}):
            yield part["content"][JSON]
