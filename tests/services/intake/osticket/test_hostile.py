"""Hostile bodies at the old addresses: a ticket with every character of them, or a refusal in words; never an error."""

import asyncio
import json
from contextlib import suppress
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.osticket.json_body import read_json_body
from services.intake.osticket.refusals import OldRequestNotValid
from services.intake.osticket.request_model import OldRequest
from services.intake.osticket.ticket import translate
from services.intake.osticket.topic import topic_named
from services.intake.osticket.xml_body import read_xml_body
from shared.contracts.vocabulary import BodyFormat
from shared.kit.http.problems import Problem
from tests.services.intake.hostile_text.test_hostile import hostile_strings
from tests.services.intake.osticket.old_client import LEAST, OldClient
from tests.support.sizes import either


def in_json(text: str) -> list[bytes]:
    """The text as message alone, and in every field."""
    everywhere = dict.fromkeys(("name", "subject", "phone", "source", "topicId", "priorityId", "ip", "branch"), text)
    bodies = [
        LEAST | {"message": f"Said: {text}"},
        LEAST | everywhere,
        LEAST | {text: text, "attachments": [{text: text}]},
    ]
    return [json.dumps(body).encode() for body in bodies]


def in_xml(text: str) -> bytes:
    head = f"<ticket name={quoteattr(text)} email='dana@bank.example'><subject>x</subject>"
    files = f"<attachments><file name={quoteattr(text)}>{escape(text)}</file></attachments>"
    return f"{head}<message>{escape(text)}</message>{files}</ticket>".encode()


@pytest.mark.soak
async def test_no_hostile_text_breaks_the_old_addresses(old: OldClient) -> None:
    waiting = [("json", body) for text in hostile_strings() for body in in_json(text)]
    waiting += [("xml", in_xml(text)) for text in hostile_strings()]

    async def send_all() -> int:
        accepted = 0
        while waiting:
            suffix, body = waiting.pop()
            answer = await old.send(f"/api/tickets.{suffix}", body)
            refused = answer.status_code == 500 and answer.text.startswith("Unable to create new ticket:")
            assert answer.status_code in (201, 400) or refused, (body, answer.text)
            if answer.status_code == 201 and suffix == "json":
                accepted += 1
                sent = json.loads(body)
                made = await old.made(answer)
                assert made.ticket.fields == {}
                if sent["message"].startswith("Said: "):
                    assert (made.message.body, made.message.body_format) == (sent["message"], BodyFormat.TEXT)
        return accepted

    accepted = sum(await asyncio.gather(*(send_all() for _ in range(8))))
    assert accepted > either(160, 500)


def understood(sent: OldRequest) -> None:
    with suppress(OldRequestNotValid):
        topic_named(sent)
        translate(sent, None)


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    for read in (read_json_body, read_xml_body):
        with suppress(Problem):
            understood(read(raw))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    ("name", "email", "message", "topicId", "priorityId", "source", "attachments", "alert", "phone")
)


@given(st.dictionaries(NAMES | st.text(), VALUES, min_size=1, max_size=6))
def test_any_json_object_is_understood_or_refused_in_words(body: dict[str, object]) -> None:
    understood(read_json_body(json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")))


@given(st.lists(st.tuples(NAMES, st.text(alphabet=st.characters(min_codepoint=32, exclude_categories=["Cs", "Cn"])))))
def test_any_xml_is_understood_or_refused_in_words(parts: list[tuple[str, str]]) -> None:
    inside = "".join(f"<{name} encoding='base64' type='x'>{escape(text)}</{name}>" for name, text in parts)
    understood(read_xml_body(f"<ticket email='x'>{inside}</ticket>".encode()))
