"""Finding by words: what has more of them, in more telling places, comes first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.text_search import MAX_FOUND, SearchableText, find

PLACES = [
    SearchableText.of("access", "Access and accounts", "Signing in, passwords, new and closed accounts"),
    SearchableText.of("banking", "Online banking", "Payments, transfers, cards and the banking app"),
    SearchableText.of("problem", "Report a problem", "Something is broken", "Which system?", "Cash point"),
    SearchableText.of("cafe", "Café", "Opening hours"),
]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", []),
        ("   ?! ", []),
        ("password", ["access"]),
        ("PASSWORDS", ["access"]),
        ("payment", ["banking"]),
        ("bank", ["banking"]),
        ("cash point", ["problem"]),
        ("cafe", ["cafe"]),
        ("cafe\u0301", ["cafe"]),
        ("banking accounts", ["access", "banking"]),
        ("closed banking app", ["banking", "access"]),
        ("in", ["access"]),
        ("pa", []),
        ("nothing of it", []),
        ("' or 1=1 --", []),
    ],
)
def test_a_query_finds(query: str, found: list[str]) -> None:
    assert find(query, PLACES) == found


def test_no_more_is_found_than_can_be_read() -> None:
    assert len(find("ticket", [SearchableText.of(number, "Ticket") for number in range(100)])) == MAX_FOUND


@given(st.text(max_size=300))
def test_any_query_can_be_asked(query: str) -> None:
    assert set(find(query, PLACES)) <= {"access", "banking", "problem", "cafe"}
