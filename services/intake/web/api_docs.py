"""The API for people to read, made from the same document that programs read."""

import json
from typing import Any

from fastapi import APIRouter, Request, Response

from services.intake.deps import State
from services.intake.web.route import PortalPageRoute
from shared.kit.http.documents import METHODS, Json
from shared.kit.i18n.languages import ENGLISH, set_language

router = APIRouter(route_class=PortalPageRoute, include_in_schema=False)


@router.get("/docs")
async def show(request: Request, state: State) -> Response:
    """Every operation with its examples, in English whatever the reader chose."""
    set_language(ENGLISH)
    document: Json = request.app.openapi()
    chapters = [(tag, [op for op in _operations(document) if tag["name"] in op["tags"]]) for tag in document["tags"]]
    return state.pages.render(request, "api_docs.html", document=document, chapters=chapters)


def _operations(document: Json) -> list[Json]:
    return [
        {
            "id": operation["operationId"],
            "tags": operation.get("tags", []),
            "method": method.upper(),
            "path": path,
            "summary": operation["summary"],
            "description": operation.get("description", ""),
            "parameters": [_parameter(parameter) for parameter in operation.get("parameters", [])],
            "request": _example(operation.get("requestBody", {})),
            "responses": [
                (status, response["description"], _example(response))
                for status, response in sorted(operation["responses"].items())
                if status != "default"
            ],
        }
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    ]


def _parameter(parameter: Json) -> tuple[str, str, str]:
    """Name, place and what it is for."""
    schema = parameter["schema"]
    return parameter["name"], parameter["in"], parameter.get("description") or schema.get("description", "")


def _example(part: Json) -> str | None:
    """The example as text; of a form, the names of its fields."""
    for content in part.get("content", {}).values():
        found: Any = content.get("example")
        if found is not None:
            return json.dumps(found, indent=2, ensure_ascii=False)
    return None
