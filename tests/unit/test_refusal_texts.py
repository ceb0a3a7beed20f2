"""Refusals of the API on pages of the desk: what they say in German, and that no translation outlives its sentence."""

import ast
import re
from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from pydantic import EmailStr, Field, TypeAdapter, ValidationError

from services.assignment.schemas.organisations import OrganisationInput
from services.assignment.web.forms import errors_of
from services.assignment.web.refusal_texts import PATTERNS, READABLE, TEXTS, refusal_sentence, refusal_text
from shared.kit.http.problems import not_found
from shared.kit.i18n.languages import LANGUAGES, use_language
from tests.translations.extraction import ROOT
from tests.translations.refusals import VALUE, raised_sentences

PLACEHOLDER = re.compile(r"%\(\w+\)s")
WITHOUT_PAGES = ("services/assignment/api/", "services/assignment/access/scim/", "services/assignment/migrations/")
"""Modules that answer programs only."""
FOR_PROGRAMS = {
    "must not be null; leave it out to keep it as it is",
    "says something else than `availability`; leave it out",
    "give either ticket_ids or filter",
    "this resource has no as_of; tickets, their lists and reports do",
    "only an agent has views and settings; a program says what it wants each time",
    "only an agent can ask for this; a program sends each action itself",
    "only an agent can ask for this; a program reads the list page by page",
    "only an agent has reports sent",
    "only an agent has saved reports",
    "only agents have this; a program does not",
    "a program cannot {}",
    "this service token may not be used from your network address",
    "sign in at POST /v1/sessions, or take a service token, and send it as Authorization: Bearer",
    "your role asks for a second factor: sign in to the desk in a browser and set one up under /account",
}
"""What pages never show: their forms cannot send it, or lead elsewhere first."""
COMPOSED = re.compile(
    r"must be a (date|number|whole number)|more than \{\} requests|\{\} of the tickets (is|are)|the (filter|test) \{\}"
    r"|this asks for|came back"
)
"""Beginnings of sentences that are put together where they are raised."""
FOR_OPERATORS = {
    "its answer is no JSON object",
    "it calls itself {}, not {}",
    "it names no usable {}",
    "{} answers {}",
    "the events hold no ticket.opened",
    "{} `everdesk sla what-if`",
}
"""What is logged, told to administrators in a sentence of their language, or raised in two parts."""
FROM_PYDANTIC = ("Field required", "Input should ", "String should ", "List should ", "Value should ", "Extra inputs ")


@pytest.mark.parametrize(
    ("told", "german"),
    [
        ("there is no such active team", "ein solches aktives Team gibt es nicht"),
        ("there is no calendar night; see GET /v1/calendars", "den Kalender night gibt es nicht"),
        ("a ticket has at most 100 tasks", "ein Ticket hat höchstens 100 Aufgaben"),
        (not_found().detail, "ein solches Ticket gibt es nicht"),
        ("is too easy to guess: it is common; use several words", "ist zu leicht zu erraten"),
        ("a sentence nobody knows", "a sentence nobody knows"),
    ],
)
def test_a_refusal_is_told_in_the_readers_language(told: str, german: str) -> None:
    assert refusal_text(told) == told
    with use_language(LANGUAGES["de"]):
        assert refusal_text(told).startswith(german)


@pytest.mark.parametrize(
    ("kind", "value", "english", "german"),
    [
        (Annotated[str, Field(min_length=1)], "", "Must not be empty", "Darf nicht leer sein"),
        (Annotated[int, Field(le=9)], 12, "Input should be less than or equal to 9", "Darf höchstens 9 sein"),
        (int, "x", None, "Muss eine ganze Zahl sein"),
        (EmailStr, "nobody", None, "Ist keine gültige E-Mail-Adresse"),
        (Annotated[list[int], Field(min_length=1)], [], None, "Geben Sie mindestens einen Eintrag an"),
    ],
)
def test_what_pydantic_refuses_is_told_in_the_readers_language(
    kind: Any, value: object, english: str | None, german: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(kind).validate_python(value)
    if english is not None:
        assert [text for _, text in errors_of(refused.value)] == [english]
    with use_language(LANGUAGES["de"]):
        assert [text for _, text in errors_of(refused.value)] == [german]


def test_values_stand_in_the_translation() -> None:
    with pytest.raises(ValidationError) as refused:
        OrganisationInput.model_validate({"name": "Bank", "domains": ["gmail.com"]})
    with use_language(LANGUAGES["de"]):
        assert "'gmail.com' gehört einem öffentlichen Mailanbieter" in errors_of(refused.value)[0][1]
        assert refusal_sentence("Value error, must lie in the future") == "Muss in der Zukunft liegen"


def test_each_translated_refusal_is_still_raised() -> None:
    raised = set(_sentences())
    readable = {words for _, words in READABLE}
    gone = [
        message
        for message in PATTERNS
        if not message.startswith(FROM_PYDANTIC)
        and message not in readable
        and not COMPOSED.match(_fixed(message))
        and _fixed(message) not in raised
    ]
    assert gone == []


def test_every_refusal_that_a_page_can_show_is_translated() -> None:
    missing = {
        sentence
        for folder in ("services/assignment", "shared/domain")
        for path in (ROOT / folder).rglob("*.py")
        if not path.relative_to(ROOT).as_posix().startswith(WITHOUT_PAGES)
        for sentence in raised_sentences(path)
        if TEXTS.find(sentence.replace(VALUE, "x")) is None
    }
    assert missing - FOR_PROGRAMS == FOR_OPERATORS


def test_a_refusal_within_a_refusal_is_translated() -> None:
    with use_language(LANGUAGES["de"]):
        assert refusal_text("line 2: the variable x is unknown") == "Zeile 2: die Variable x ist unbekannt"
        assert (
            refusal_text("this roll-out is reverted already")
            == "bereits veranlasst: Dieser Rollout ist rückgängig gemacht"
        )


def _fixed(message: str) -> str:
    return PLACEHOLDER.sub("{}", message)


def _sentences() -> Iterator[str]:
    """Every text of the source, with `{}` for each value in it."""
    for folder in ("services", "shared"):
        for path in (ROOT / folder).rglob("*.py"):
            if path.name in {"refusal_texts.py", "sibling_refusals.py"}:
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                match node:
                    case ast.Constant(value=str(text)):
                        yield re.sub(r"\{\w+\}", "{}", PLACEHOLDER.sub("{}", text))
                    case ast.Call(func=ast.Name(id="not_found"), args=[ast.Constant(value=str(what))]):
                        yield f"there is no such {what}"
                    case ast.JoinedStr(values=parts):
                        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in parts)
