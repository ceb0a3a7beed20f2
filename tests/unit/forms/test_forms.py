"""A form as a whole: which forms can stand, who is asked what, and when."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from services.intake.forms import Audience, Form, answered_fields, check_answers, from_texts, is_shown
from shared.kit.ticket_answers import MAX_ANSWERS_BYTES, size_of
from tests.unit.forms.sample_forms import Json, field, form_of

SYSTEM = field("choice", "system")
CARD = field("text", "card", required=True, shown_if={"field": "system", "is": "atm"})
INTERNAL = field("text", "branch_code", visible_to="agents", required=True)

FORMS_THAT_CANNOT_STAND: list[tuple[list[Json], str]] = [
    ([field("text"), field("number")], "two fields have the name"),
    ([field("text", "Upper")], "pattern"),
    ([field("text", "1st")], "pattern"),
    ([field("text", surprise=1)], "Extra inputs"),
    ([field("colour")], "does not match any of the expected tags"),
    ([field("text", max_length=256)], "less than or equal to 255"),
    ([field("long_text", max_length=4001)], "less than or equal to 4000"),
    ([field("choice", choices=[])], "at least 1 item"),
    ([field("choice", choices=[{"key": "a", "label": "A"}] * 2)], "there twice"),
    ([field("choice", choices=[{"key": str(n), "label": "x"} for n in range(201)])], "at most 200"),
    ([field("date", min="2026-02-01", max="2026-01-01")], "min must not be after max"),
    ([field("number", min=2, max=1)], "min must not be greater than max"),
    ([field("file", max_files=11)], "less than or equal to 10"),
    ([field("text", f"f{n}") for n in range(51)], "at most 50"),
    ([field("text", label="two\nlines")], "line breaks"),
    ([CARD, SYSTEM], "no earlier field"),
    ([field("text", "card", shown_if={"field": "card", "is": "x"})], "no earlier field"),
    ([SYSTEM, CARD | {"shown_if": {"field": "system"}}], "either"),
    ([SYSTEM, CARD | {"shown_if": {"field": "system", "is": "atm", "is_one_of": ["web"]}}], "either"),
    ([SYSTEM, CARD | {"shown_if": {"field": "system", "is": "fax"}}], "cannot have"),
    ([SYSTEM, CARD | {"shown_if": {"field": "system", "is_one_of": []}}], "at least 1"),
    ([field("checkbox", "is_vip"), CARD | {"shown_if": {"field": "is_vip", "is": 1}}], "cannot have"),
    ([field("file", "proof"), CARD | {"shown_if": {"field": "proof", "is": "x"}}], "cannot look into the files"),
    ([INTERNAL, CARD | {"shown_if": {"field": "branch_code", "is": "x"}}], "requesters do not see"),
]


@pytest.mark.parametrize(("fields", "words"), FORMS_THAT_CANNOT_STAND)
def test_a_form_that_cannot_stand_is_refused(fields: list[Json], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Form.parse(fields)


def test_a_form_is_kept_and_read_again_as_it_was() -> None:
    form = form_of(SYSTEM, CARD, field("date", "since", min="2026-01-01"), INTERNAL)
    assert Form.parse(form.as_json()) == form


@pytest.mark.parametrize(
    ("given", "kept", "wrong", "surplus"),
    [
        ({}, {}, set(), set()),
        ({"system": "web"}, {"system": "web"}, set(), set()),
        ({"system": "atm"}, {"system": "atm"}, {"card"}, set()),
        ({"system": "atm", "card": "X1"}, {"system": "atm", "card": "X1"}, set(), set()),
        ({"system": "web", "card": "X1"}, {"system": "web"}, set(), {"card"}),
        ({"system": "web", "card": ""}, {"system": "web"}, set(), set()),
        ({"system": "fax", "card": "X1"}, {}, {"system"}, {"card"}),
        ({"other": 1}, {}, set(), {"other"}),
    ],
)
def test_a_hidden_field_is_neither_required_nor_kept(
    given: Json, kept: Json, wrong: set[str], surplus: set[str]
) -> None:
    checked = check_answers(form_of(SYSTEM, CARD), given, Audience.EVERYONE)
    assert (checked.values, set(checked.wrong), set(checked.surplus)) == (kept, wrong, surplus)


@pytest.mark.parametrize(
    ("cause", "condition", "answer", "holds"),
    [
        (field("multi_choice", "cause"), {"is": "web"}, ["atm", "web"], True),
        (field("multi_choice", "cause"), {"is": "web"}, ["atm"], False),
        (field("choice", "cause"), {"is_one_of": ["web", "app"]}, "app", True),
        (field("checkbox", "cause"), {"is": True}, True, True),
        (field("checkbox", "cause"), {"is": False}, False, True),
        (field("checkbox", "cause"), {"is": False}, True, False),
        (field("number", "cause"), {"is": 1}, 1.0, True),
        (field("text", "cause"), {"is": "yes"}, "no", False),
    ],
)
def test_a_condition_looks_at_an_earlier_answer(cause: Json, condition: Json, answer: Any, holds: bool) -> None:
    form = form_of(cause, field("text", "then", shown_if={"field": "cause"} | condition))
    checked = check_answers(form, {"cause": answer, "then": "x"}, Audience.EVERYONE)
    assert ("then" in checked.values) is holds


def test_what_hangs_on_a_hidden_field_is_hidden_too() -> None:
    form = form_of(SYSTEM, CARD, field("text", "pin_tried", shown_if={"field": "card", "is": "X1"}))
    assert check_answers(form, {"system": "web", "card": "X1", "pin_tried": "3"}, Audience.EVERYONE).values == {
        "system": "web"
    }


def test_what_is_for_agents_is_not_asked_of_requesters_nor_taken_from_them() -> None:
    form = form_of(SYSTEM, INTERNAL)
    assert [asked.name for asked in form.fields_for(Audience.EVERYONE)] == ["system"]
    requester = check_answers(form, {"branch_code": "B7"}, Audience.EVERYONE)
    assert (requester.values, requester.wrong, set(requester.surplus)) == ({}, {}, {"branch_code"})
    assert check_answers(form, {"branch_code": "B7"}, Audience.AGENTS).values == {"branch_code": "B7"}
    assert check_answers(form, {}, Audience.AGENTS).wrong == {"branch_code": "is required"}


def test_all_answers_together_have_a_limit() -> None:
    form = form_of(*(field("long_text", f"f{n}") for n in range(6)))
    checked = check_answers(form, {f"f{n}": "x" * (3000 + n) for n in range(6)}, Audience.EVERYONE)
    assert list(checked.wrong) == ["f5"]
    assert "16 KiB" in checked.wrong["f5"]


@pytest.mark.parametrize(
    ("replaced", "former", "new", "remembered"),
    [
        ([], [], [SYSTEM], []),
        ([SYSTEM, CARD], [], [SYSTEM], ["card"]),
        ([SYSTEM], [field("text", "card")], [SYSTEM], ["card"]),
        ([SYSTEM], [field("text", "card")], [SYSTEM, CARD], []),
        ([SYSTEM, CARD], [field("text", "older")], [], ["card", "system", "older"]),
    ],
)
def test_fields_that_go_are_remembered_the_latest_first(
    replaced: list[Json], former: list[Json], new: list[Json], remembered: list[str]
) -> None:
    gone = form_of(*new).former_after(form_of(*replaced), form_of(*former))
    assert [one.name for one in gone.fields] == remembered
    assert all(one.shown_if is None for one in gone.fields)
    assert Form.parse_former(gone.as_json()) == gone


def test_answers_are_shown_in_words_even_when_their_fields_are_gone() -> None:
    today = form_of(SYSTEM, field("checkbox", "is_vip", label="VIP"), field("multi_choice", "ways"), INTERNAL)
    former = form_of(CARD | {"shown_if": None}, field("text", "secret", visible_to="agents"), SYSTEM)
    kept = {
        "own_data": "x", "secret": "s", "branch_code": "B7", "card": "X1",
        "ways": ["web", "gone"], "is_vip": True, "system": "atm",
    }  # fmt: skip
    shown = [(answer.label, answer.text) for answer in answered_fields(today, former, kept, Audience.EVERYONE)]
    assert shown == [("System", "Cash point"), ("VIP", "Yes"), ("Ways", "Website, gone"), ("Card", "X1")]
    for_agents = {answer.name for answer in answered_fields(today, former, kept, Audience.AGENTS)}
    assert for_agents >= {"secret", "branch_code"}


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
KINDS = ("text", "long_text", "choice", "multi_choice", "date", "number", "checkbox", "email", "phone", "file")
LIKELY = st.sampled_from(["web", "atm", ["web"], True, False, 1, 2.5, "2026-01-31", "a@b.example", "555 123", "", None])


@st.composite
def forms(draw: st.DrawFn) -> Form:
    """A form of a few fields, some of which hang on an earlier choice."""
    fields = [field("choice", "first")]
    for position, kind in enumerate(draw(st.lists(st.sampled_from(KINDS), max_size=6))):
        condition = {"field": "first", "is": draw(st.sampled_from(["web", "app"]))} if draw(st.booleans()) else None
        audience = draw(st.sampled_from(["everyone", "agents"]))
        more = {"required": draw(st.booleans()), "shown_if": condition, "visible_to": audience}
        fields.append(field(kind, f"f{position}", **more))
    return form_of(*fields)


NAMES = st.sampled_from(["first", *(f"f{n}" for n in range(6)), "else"])
ANSWERS = st.dictionaries(NAMES, LIKELY | JSON_VALUES, max_size=8)


@settings(max_examples=300, deadline=None)
@given(form=forms(), given_=ANSWERS, audience=st.sampled_from(Audience))
def test_whatever_is_given_each_answer_is_kept_once_or_its_refusal_is_said(
    form: Form, given_: Json, audience: Audience
) -> None:
    checked = check_answers(form, given_, audience)
    for name, answer in given_.items():
        is_empty = answer in (None, []) or (isinstance(answer, str) and not answer.strip())
        told = (name in checked.values) + (name in checked.wrong) + (name in checked.surplus)
        assert told == 1 or (is_empty and told == 0)
    for asked in form.fields:
        if asked.name in checked.values:
            assert is_shown(asked, checked.values)
            assert audience is Audience.AGENTS or asked.visible_to is Audience.EVERYONE
        elif asked.required and asked in form.fields_for(audience) and is_shown(asked, checked.values):
            assert asked.name in checked.wrong
    assert size_of(checked.values) <= MAX_ANSWERS_BYTES


@settings(max_examples=200, deadline=None)
@given(form=forms(), given_=ANSWERS)
def test_what_was_kept_is_kept_again_unchanged(form: Form, given_: Json) -> None:
    kept = check_answers(form, given_, Audience.AGENTS).values
    assert check_answers(form, kept, Audience.AGENTS).values == kept


@settings(max_examples=200, deadline=None)
@given(form=forms(), texts=st.dictionaries(NAMES, st.lists(st.text(max_size=20), max_size=3), max_size=8))
def test_any_text_from_a_form_can_be_checked(form: Form, texts: dict[str, list[str]]) -> None:
    checked = check_answers(form, from_texts(form, texts), Audience.EVERYONE)
    assert not set(checked.values) & set(checked.wrong)
