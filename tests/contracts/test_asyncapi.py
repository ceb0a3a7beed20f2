"""The AsyncAPI document is made from the classes, committed, and true of every sample."""

import json
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from services.notification.asyncapi import document
from shared.contracts.events import EVENTS
from tests.contracts.examples import example_envelope
from tests.contracts.files import ASYNCAPI


def test_the_committed_document_is_current() -> None:
    assert json.loads(ASYNCAPI.read_text()) == document(), "run python -m tests.contracts"


def test_every_event_has_a_channel_a_message_and_a_producer() -> None:
    made = document()
    assert set(made["channels"]) == set(EVENTS) == set(made["components"]["messages"])
    assert all(channel["address"].endswith(".{entityId}") for channel in made["channels"].values())


def test_every_reference_leads_somewhere() -> None:
    made = document()
    for reference in _references(made):
        place: Any = made
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]


@pytest.mark.parametrize("event_type", sorted(EVENTS))
def test_the_sample_fits_its_schema(event_type: str) -> None:
    _validator(event_type).validate(example_envelope(event_type).model_dump(mode="json"))


def test_a_sample_of_another_event_does_not_fit() -> None:
    other = example_envelope("everdesk.team.changed.v1").model_dump(mode="json")
    with pytest.raises(jsonschema.ValidationError):
        _validator("everdesk.agent.changed.v1").validate(other)


def _validator(event_type: str) -> jsonschema.Draft202012Validator:
    made = document()
    payload = made["components"]["messages"][event_type]["payload"]
    return jsonschema.Draft202012Validator(payload | {"components": made["components"]})


def _references(node: Any) -> list[str]:
    if isinstance(node, dict):
        found = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return found + [ref for value in node.values() for ref in _references(value)]
    if isinstance(node, list):
        return [ref for value in node for ref in _references(value)]
    return []
