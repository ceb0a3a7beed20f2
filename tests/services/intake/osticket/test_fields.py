"""Custom fields by their variable names, as old clients write them."""

from typing import Any

import pytest

from services.intake.forms import Form
from services.intake.osticket.fields import answers_in
from services.intake.osticket.refusals import OldRequestNotValid
from services.intake.osticket.request_model import OldRequest

FORM = Form.parse(
    [
        {"kind": "text", "name": "branch", "label": "Branch"},
        {"kind": "number", "name": "affected", "label": "How many?", "is_whole": True},
        {"kind": "date", "name": "since", "label": "Since"},
        {"kind": "checkbox", "name": "is_urgent", "label": "Urgent"},
        {
            "kind": "choice",
            "name": "system",
            "label": "System",
            "choices": [{"key": "web", "label": "Website"}, {"key": "atm", "label": "Cash point"}],
        },
        {
            "kind": "multi_choice",
            "name": "browsers",
            "label": "Browsers",
            "choices": [{"key": "ff", "label": "Firefox"}, {"key": "cr", "label": "Chromium"}],
        },
        {"kind": "text", "name": "internal", "label": "Internal", "visible_to": "agents"},
        {"kind": "phone", "name": "call", "label": "Telephone"},
        {"kind": "email", "name": "mail", "label": "Address"},
        {"kind": "file", "name": "proof", "label": "Proof"},
    ]
)
CASES: list[tuple[str, Any, Any]] = [
    ("branch", "Harbour", "Harbour"),
    ("branch", 7, "7"),
    ("affected", "40", 40),
    ("affected", 40.0, 40),
    ("since", "2026-11-24", "2026-11-24"),
    ("since", "2026-11-24 09:30:00", "2026-11-24"),
    ("since", "2026-11-24T09:30:00Z", "2026-11-24"),
    ("since", "1764000000", "2025-11-24"),
    ("since", 1764000000, "2025-11-24"),
    ("is_urgent", True, True),
    ("is_urgent", "1", True),
    ("is_urgent", "on", True),
    ("is_urgent", False, False),
    ("is_urgent", "0", False),
    ("system", "atm", "atm"),
    ("system", "Cash Point", "atm"),
    ("browsers", ["Firefox", "cr"], ["ff", "cr"]),
    ("browsers", "Firefox", ["ff"]),
]


@pytest.mark.parametrize(("name", "sent", "kept"), CASES)
def test_answers_are_understood_as_the_old_help_desk_did(name: str, sent: Any, kept: Any) -> None:
    taken = answers_in(FORM, OldRequest({name: sent}))
    assert (taken.values[name], taken.remarks) == (kept, ())


ONLY_REMARKED: list[tuple[str, Any, Any, str]] = [
    ("since", "yesterday", None, "since: 'yesterday' is not a date."),
    ("since", "99999999999", None, "since: '99999999999' is not a date."),
    ("since", "2026-02-30", None, "since: '2026-02-30' is not a date."),
    ("system", "fax", None, "system: 'fax' is none of its choices."),
    ("system", 17, None, "system: '17' is none of its choices."),
    ("system", True, None, "system: 'True' is none of its choices."),
    ("browsers", ["Firefox", "lynx"], ["ff"], "browsers: 'lynx' is none of its choices."),
    ("browsers", "lynx", None, "browsers: 'lynx' is none of its choices."),
    ("branch", "Harbour " * 40 + "east", ("Harbour " * 40)[:255].strip(), "Harbour east"),
    ("call", "tel. +49 (89) 5551234 ext. 12", "+49 (89) 5551234 x. 12", "tel. +49 (89) 5551234 ext. 12"),
]


@pytest.mark.parametrize(("name", "sent", "kept", "remark"), ONLY_REMARKED)
@pytest.mark.parametrize("is_required", [False, True])
def test_what_the_old_help_desk_let_pass_is_a_remark(
    name: str, sent: Any, kept: Any, remark: str, *, is_required: bool
) -> None:
    asked = [{**field, "required": is_required} for field in FORM.as_json() if field["name"] == name]  # type: ignore[index,call-overload,dict-item]
    taken = answers_in(Form.parse(asked), OldRequest({name: sent}))
    assert taken.values.get(name) == kept
    assert [remark in told for told in taken.remarks] == [True]


def test_several_choices_may_stand_in_one_text() -> None:
    assert answers_in(FORM, OldRequest({"browsers": "Chromium, ff"})).values["browsers"] == ["ff", "cr"]


def test_line_breaks_in_a_line_become_blanks() -> None:
    assert answers_in(FORM, OldRequest({"branch": "Har\r\nbour"})).values["branch"] == "Har bour"


def test_the_form_of_a_topic_that_was_not_named_binds_nobody() -> None:
    form = Form.parse([{**FORM.as_json()[1], "required": True}, {**FORM.as_json()[0], "required": True}])  # type: ignore[dict-item]
    with pytest.raises(OldRequestNotValid):
        answers_in(form, OldRequest({}))
    taken = answers_in(form, OldRequest({"affected": "many", "branch": "Harbour"}), is_binding=False)
    assert taken.values == {"branch": "Harbour"}
    assert taken.remarks == ("affected: 'many' must be a whole number.",)


@pytest.mark.parametrize(("name", "sent"), [("affected", "many"), ("call", "call me"), ("mail", "at home")])
def test_an_answer_that_does_not_fit_is_refused_by_its_name(name: str, sent: Any) -> None:
    with pytest.raises(OldRequestNotValid) as refused:
        answers_in(FORM, OldRequest({name: sent}))
    assert list(refused.value.errors) == [name]


@pytest.mark.parametrize("name", ["internal", "proof", "unknown", "statusId"])
def test_what_is_not_asked_of_everyone_is_not_taken(name: str) -> None:
    assert name not in answers_in(FORM, OldRequest({name: "x"})).values
