"""However people write a ticket's number, the search and whatever takes a ticket understand it."""

import pytest

from services.assignment.schemas.search_language import parse_search
from shared.kit.ticket_numbers import reference_in

NUMBERS = {
    "100030": (
        "100030",
        " 100030 ",
        "100030.",
        "#100030",
        "# 100030",
        " #100030\n",
        "#100030,",
        "[#100030]",
        "(#100030).",
    ),
    "EV-100030": ("EV-100030", "#EV-100030", " #EV-100030 ", "[#EV-100030]", "ticket #EV-100030."),
}


@pytest.mark.parametrize(("number", "written"), [(one, text) for one, texts in NUMBERS.items() for text in texts])
def test_a_number_is_found_however_it_is_written(number: str, written: str) -> None:
    assert reference_in(written) == number
    assert [term.text for term in parse_search(written).terms] == [number]


@pytest.mark.parametrize("text", ["printer on fire.", "3.5", "12.", "", "01a22625-8ad8-7289-819c-36680e4e2096"])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert reference_in(f" {text} ") == text
