"""Each kind of field takes what it should, keeps it in one shape, and says what it wants of the rest."""

from typing import Any

import pytest

from services.intake.forms import Audience, check_answers, from_texts
from tests.unit.forms.sample_forms import Json, field, form_of

FILE = "01a2091e-28d4-7cf0-8b1a-8bdbf7a6b0f1"
OTHER_FILE = "01a2091e-28d4-7cf0-8b1a-8bdbf7a6b0f2"

TAKEN: list[tuple[Json, Any, Any]] = [
    (field("text"), " kept as sent ", " kept as sent "),
    (field("text", max_length=3), "äöü", "äöü"),
    (field("long_text"), "two\nlines\t", "two\nlines\t"),
    (field("choice"), "web", "web"),
    (field("multi_choice"), ["atm", "web", "atm"], ["web", "atm"]),
    (field("date"), "2024-02-29", "2024-02-29"),
    (field("date", min="2026-01-01", max="2026-12-31"), "2026-12-31", "2026-12-31"),
    (field("number"), -2.5, -2.5),
    (field("number", min=0, max=10), 0, 0),
    (field("number", is_whole=True), 3.0, 3),
    (field("checkbox"), False, False),
    (field("checkbox", required=True), True, True),
    (field("email"), "Dana@BANK.example", "Dana@bank.example"),
    (field("phone"), "555 1234567 X12", "555 1234567 X12"),
    (field("file"), [FILE.upper()], [FILE]),
    (field("file", max_files=2), [FILE, OTHER_FILE], [FILE, OTHER_FILE]),
]


@pytest.mark.parametrize(("asked", "given", "kept"), TAKEN)
def test_an_answer_is_kept(asked: Json, given: Any, kept: Any) -> None:
    checked = check_answers(form_of(asked), {"it": given}, Audience.EVERYONE)
    assert (checked.values, checked.wrong, checked.surplus) == ({"it": kept}, {}, {})
    assert type(checked.values["it"]) is type(kept)


REFUSED: list[tuple[Json, Any, str]] = [
    (field("text"), 7, "one line"),
    (field("text"), "two\nlines", "line breaks"),
    (field("text", max_length=3), "four", "at most 3"),
    (field("text"), "\ud800", "one line"),
    (field("long_text", max_length=5), "six\nch", "at most 5"),
    (field("long_text"), "nul\0", "NUL"),
    (field("choice"), "Website", "web, app, atm"),
    (field("choice"), ["web"], "one of"),
    (field("multi_choice"), "web", "a list"),
    (field("multi_choice"), ["web", "fax"], "a list"),
    (field("multi_choice"), [["web"]], "a list"),
    (field("date"), "2026-02-29", "YYYY-MM-DD"),
    (field("date"), "20260228", "YYYY-MM-DD"),
    (field("date"), "2026-02-28T10:00", "YYYY-MM-DD"),
    (field("date", min="2026-01-01"), "2025-12-31", "not below 2026-01-01"),
    (field("date", max="2026-01-01"), "2026-01-02", "not above 2026-01-01"),
    (field("number"), "12", "a number"),
    (field("number"), True, "a number"),
    (field("number"), float("nan"), "a number"),
    (field("number"), float("inf"), "a number"),
    (field("number"), 10**30, "a number"),
    (field("number", min=1, max=3), 3.5, "from 1 to 3"),
    (field("number", is_whole=True), 1.5, "whole"),
    (field("checkbox"), "yes", "true or false"),
    (field("checkbox", required=True), False, "ticked"),
    (field("email"), "dana", "name@example.com"),
    (field("email"), "dana@bank.example\n", "line breaks"),
    (field("phone"), "call me", "telephone"),
    (field("file"), FILE, "one file"),
    (field("file"), [FILE, OTHER_FILE], "one file"),
    (field("file", max_files=3), [FILE, FILE], "twice"),
    (field("file"), ["../etc/passwd"], "ids"),
    (field("file"), [7], "ids"),
]


@pytest.mark.parametrize(("asked", "given", "words"), REFUSED)
def test_what_does_not_fit_is_refused_in_words_that_say_what_to_change(asked: Json, given: Any, words: str) -> None:
    checked = check_answers(form_of(asked), {"it": given}, Audience.EVERYONE)
    assert checked.values == {}
    assert words in checked.wrong["it"]


@pytest.mark.parametrize("kind", ["text", "long_text", "choice", "multi_choice", "date", "number", "email", "phone"])
@pytest.mark.parametrize("empty", [None, "", " \n", []])
def test_an_empty_answer_is_none(kind: str, empty: object) -> None:
    assert check_answers(form_of(field(kind)), {"it": empty}, Audience.EVERYONE).values == {}
    demanded = check_answers(form_of(field(kind, required=True)), {"it": empty}, Audience.EVERYONE)
    assert demanded.wrong == {"it": "is required"}


READ: list[tuple[Json, list[str] | None, object]] = [
    (field("text"), [" hi "], "hi"),
    (field("number"), ["40"], 40),
    (field("number"), ["-0.5"], -0.5),
    (field("number"), ["1e3"], "1e3"),
    (field("number"), ["\u0661"], "\u0661"),
    (field("number"), ["9" * 400], "9" * 400),
    (field("checkbox"), None, False),
    (field("checkbox"), ["1"], True),
    (field("checkbox"), ["perhaps"], "perhaps"),
    (field("checkbox", required=True), None, None),
    (field("multi_choice"), ["web", "", "app"], ["web", "app"]),
    (field("multi_choice"), [""], []),
    (field("file"), [FILE], [FILE]),
    (field("choice"), ["web"], "web"),
    (field("choice"), [], ""),
]


@pytest.mark.parametrize(("asked", "texts", "answer"), READ)
def test_text_becomes_the_type_that_the_field_wants(asked: Json, texts: list[str] | None, answer: object) -> None:
    read = from_texts(form_of(asked), {} if texts is None else {"it": texts})
    assert read == {"it": answer}
    assert type(read["it"]) is type(answer)
