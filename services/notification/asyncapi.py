"""The AsyncAPI 3.0 document of every event, made from the classes; `python -m services.notification.asyncapi`."""

import json
import sys
from functools import cache
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from shared.contracts.events import EVENTS, Envelope, Event
from shared.contracts.names import STREAM

PATH = "/asyncapi.json"
SCHEMAS = "#/components/schemas/"
REFERENCE = SCHEMAS + "{model}"


@cache
def document() -> dict[str, Any]:
    """Channels, messages and schemas of all events, in the order of their types."""
    events = [EVENTS[name] for name in sorted(EVENTS)]
    models: list[type[BaseModel]] = [Envelope, *events]
    _, definitions = models_json_schema([(model, "serialization") for model in models], ref_template=REFERENCE)
    schemas: dict[str, Any] = definitions["$defs"]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Everdesk events",
            "version": "1",
            "description": f"Facts on the NATS JetStream stream `{STREAM}`: CloudEvents 1.0, structured JSON mode.",
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": {event.type(): _channel(event) for event in events},
        "operations": {f"publish.{event.type()}": _operation(event) for event in events},
        "components": {
            "messages": {event.type(): _message(event) for event in events},
            "schemas": {name: schemas[name] for name in sorted(schemas)},
        },
    }


def mount(app: FastAPI) -> None:
    """Serves the document at `GET /asyncapi.json`."""

    @app.get(PATH, include_in_schema=False)
    async def asyncapi() -> dict[str, Any]:
        return document()


def _channel(event: type[Event]) -> dict[str, Any]:
    return {
        "address": f"{event.type()}.{{entityId}}",
        "messages": {event.__name__: {"$ref": f"#/components/messages/{event.type()}"}},
        "parameters": {"entityId": {"description": "The id of what the event is about: its ticket, agent, team, ..."}},
    }


def _operation(event: type[Event]) -> dict[str, Any]:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{event.type()}"},
        "summary": _first_line(event),
        "tags": [{"name": event.produced_by}] if event.produced_by else [],
    }


def _message(event: type[Event]) -> dict[str, Any]:
    return {
        "name": event.type(),
        "title": event.__name__,
        "summary": _first_line(event),
        "contentType": "application/cloudevents+json",
        "payload": {
            "allOf": [
                {"$ref": f"{SCHEMAS}Envelope"},
                {
                    "type": "object",
                    "properties": {"type": {"const": event.type()}, "data": {"$ref": f"{SCHEMAS}{event.__name__}"}},
                },
            ]
        },
    }


def _first_line(event: type[Event]) -> str:
    return (event.__doc__ or "").strip().partition("\n")[0]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(document(), indent=2, ensure_ascii=False) + "\n")
