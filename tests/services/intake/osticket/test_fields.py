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
    assert answers_in(FORM, OldRequest({name: sent}))[name] == kept


@pytest.mark.parametrize(
    ("name", "sent"), [("affected", "many"), ("since", "yesterday"), ("since", "99999999999"), ("system", "fax")]
)
def test_an_answer_that_does_not_fit_is_refused_by_its_name(name: str, sent: Any) -> None:
    with pytest.raises(OldRequestNotValid) as refused:
        answers_in(FORM, OldRequest({name: sent}))
    assert list(refused.value.errors) == [name]


@pytest.mark.parametrize("name", ["internal", "proof", "unknown", "statusId"])
def test_what_is_not_asked_of_everyone_is_not_taken(name: str) -> None:
    assert name not in answers_in(FORM, OldRequest({name: "x"}))
