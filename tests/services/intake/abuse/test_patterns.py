"""Whom a ban is about."""

from datetime import UTC, datetime, timedelta

import pytest

from services.intake.abuse.patterns import BanTable, read_pattern

NOW = datetime(2026, 11, 24, 20, tzinfo=UTC)

CASES = [
    ("dana@bank.example", "dana@bank.example", None, True),
    ("dana@bank.example", "Dana@Bank.Example", None, True),
    ("dana@bank.example", "dana@other.example", None, False),
    ("dana@bank.example", "xdana@bank.example", None, False),
    ("dana@bank.example", "dana+new@bank.example", None, True),
    ("dana+new@bank.example", "dana+other@bank.example", None, True),
    ("dana@bank.example", "dana@bücher.example", None, False),
    ("dana@gmail.com", "d.a.n.a+x@googlemail.com", None, True),
    ("dana@bank.example", "d.ana@bank.example", None, False),
    ("@spam.example", "anyone@spam.example", None, True),
    ("@spam.example", "anyone@mail.spam.example", None, True),
    ("@spam.example", "anyone@notspam.example", None, False),
    ("203.0.113.0/24", "dana@bank.example", "203.0.113.9", True),
    ("203.0.113.0/24", "dana@bank.example", "203.0.114.9", False),
    ("203.0.113.0/24", "dana@bank.example", None, False),
    ("203.0.113.0/24", "dana@bank.example", "unknown", False),
    ("2001:db8::/32", "dana@bank.example", "2001:db8::1", True),
    ("203.0.113.9", "dana@bank.example", "203.0.113.9", True),
]


@pytest.mark.parametrize(("pattern", "email", "address", "is_forbidden"), CASES)
def test_a_ban_is_about_those_its_pattern_names(
    pattern: str, email: str, address: str | None, is_forbidden: bool
) -> None:
    table = BanTable.of([(read_pattern(pattern), None)])
    assert table.forbids(NOW, email, address) is is_forbidden


@pytest.mark.parametrize("pattern", ["dana@bank.example", "203.0.113.0/24"])
def test_a_ban_ends(pattern: str) -> None:
    table = BanTable.of([(pattern, NOW)])
    assert table.forbids(NOW - timedelta(seconds=1), "dana@bank.example", "203.0.113.9")
    assert not table.forbids(NOW, "dana@bank.example", "203.0.113.9")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (" Dana@Bank.Example ", "dana@bank.example"),
        ("@Spam.EXAMPLE", "@spam.example"),
        ("203.0.113.9", "203.0.113.9/32"),
    ],
)
def test_patterns_are_kept_in_one_form(text: str, kept: str) -> None:
    assert read_pattern(text) == kept


@pytest.mark.parametrize("text", ["", "@", "dana", "dana@", "203.0.113.9/24", "1.2.3.4/99", "a b@c.d"])
def test_what_names_nobody_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"use an address|a network is written"):
        read_pattern(text)
