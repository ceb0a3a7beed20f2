"""What holds for every event class, so that a new one cannot be half defined."""

import json
import re
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from cloudevents.core.exceptions import CloudEventValidationError
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from pydantic import BaseModel

from shared.contracts.commands import AnyCommand, MessageFact, OpenTicket
from shared.contracts.events import EVENTS, Envelope, Event, LifecycleEvent
from tests.contracts.examples import EXAMPLES, example_envelope, sample_text
from tests.contracts.files import SAMPLES, sample_file

EVERY = pytest.mark.parametrize("event", EVENTS.values(), ids=lambda event: event.event_name)
PERSONAL = {"email", "name", "subject", "body", "phone", "address", "cc", "comment"}
UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


@EVERY
def test_the_sample_is_what_the_example_makes(event: type[Event]) -> None:
    assert sample_file(event).read_text() == sample_text(event.type()), "run python -m tests.contracts"


@EVERY
def test_the_sample_opens_and_closes_again_unchanged(event: type[Event]) -> None:
    text = sample_file(event).read_text()
    envelope = Envelope.model_validate_json(text)
    opened = envelope.open()
    assert opened == EXAMPLES[event.type()]
    assert type(opened) is event
    assert opened.envelope(envelope.id, envelope.time) == envelope


@EVERY
def test_the_subject_is_the_type_and_the_id(event: type[Event]) -> None:
    subject = example_envelope(event.type()).nats_subject
    assert re.fullmatch(rf"everdesk\.[a-z]+\.[a-z_]+\.v1\.{UUID}", subject), subject
    assert subject.startswith(event.subjects().removesuffix("*"))


@EVERY
def test_the_cloudevents_sdk_accepts_the_envelope(event: type[Event]) -> None:
    envelope = example_envelope(event.type())
    read = JSONFormat().read(CloudEvent, envelope.model_dump_json())
    assert (read.get_id(), read.get_type(), read.get_source()) == (envelope.id, envelope.type, envelope.source)
    assert (read.get_subject(), read.get_time()) == (envelope.subject, envelope.time)
    assert read.get_data() == envelope.data


def test_the_cloudevents_sdk_refuses_an_envelope_without_a_source() -> None:
    data = example_envelope("everdesk.agent.changed.v1").model_dump(mode="json", exclude={"source"})
    with pytest.raises(CloudEventValidationError):
        JSONFormat().read(CloudEvent, json.dumps(data))


@EVERY
def test_extra_fields_of_a_newer_writer_are_ignored(event: type[Event]) -> None:
    data = example_envelope(event.type()).data | {"added_next_year": 1}
    assert event.model_validate(data) == EXAMPLES[event.type()]


@EVERY
def test_every_event_says_what_it_means(event: type[Event]) -> None:
    assert event.__doc__
    assert event.__doc__.strip().endswith(".")


def test_no_sample_is_left_over() -> None:
    assert {path.name for path in SAMPLES.iterdir()} == {sample_file(event).name for event in EVENTS.values()}


@pytest.mark.parametrize("event", [e for e in EVENTS.values() if issubclass(e, LifecycleEvent)])
def test_lifecycle_events_hold_nothing_personal(event: type[Event]) -> None:
    assert not PERSONAL & set(_field_names(event))


@pytest.mark.parametrize("command", [OpenTicket, MessageFact, *get_args(get_args(AnyCommand)[0])])
def test_commands_hold_nothing_personal(command: type[BaseModel]) -> None:
    allowed = {"name"}  # the name of the SLA policy in its snapshot
    assert not (PERSONAL - allowed) & set(_field_names(command))
    assert "name" not in command.model_fields


def test_the_rule_about_personal_words_can_fail() -> None:
    assert {"email", "name", "subject", "body"} <= set(_field_names(EVENTS["everdesk.ticket.submitted.v1"]))


def _field_names(model: type[BaseModel]) -> Iterator[str]:
    """The names of a model's fields and of those inside them."""
    yield from _property_names(model.model_json_schema())


def _property_names(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        for value in schema.values():
            yield from _property_names(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _property_names(value)
