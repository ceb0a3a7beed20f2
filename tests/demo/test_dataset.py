"""Lines of the file become requests that say exactly what the line said."""

import json
import lzma
import os
from pathlib import Path

import pytest

from deploy.demo.bulk.dataset import SUBJECT_LENGTH, first_words, from_row, read, spread
from deploy.demo.checks import DemoError

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "tickets.jsonl.xz"


def test_a_body_is_taken_as_it_is() -> None:
    body = "  hello\r\n\n\tworld {product_purchased}  "
    assert from_row(1, {"body": body}).request.body == body


def test_without_a_subject_the_first_words_of_the_body_are_one() -> None:
    subject = from_row(1, {"subject": " ", "body": "It broke.\nTwice,\tin a row." + " word" * 40}).subject
    assert subject.startswith("It broke. Twice, in a row. word")
    assert len(subject) <= SUBJECT_LENGTH
    assert subject.isprintable()


@pytest.mark.parametrize("body", ["\n\t", "\u2028\u2029", "\x07\x1b"])
def test_a_body_without_words_still_gives_a_subject(body: str) -> None:
    assert first_words(body) == "(no subject)"


def test_without_an_address_the_line_makes_one() -> None:
    assert from_row(42, {"body": "x"}).email == "requester-42@example.com"
    assert from_row(42, {"body": "x", "email": "kim@example.org"}).email == "kim@example.org"


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("Critical", "urgent"), ("High", "high"), ("Medium", "normal"), ("Low", "low"), (None, None), ("Whatever", None)],
)
def test_priorities_are_translated_and_never_made_up(theirs: str | None, ours: str | None) -> None:
    request = from_row(1, {"body": "x", "priority": theirs}).request
    assert request.priority == ours


def test_a_sample_is_spread_over_the_whole_file() -> None:
    assert spread(10, 5) == [0, 2, 4, 6, 8]
    assert spread(3, 500) == [0, 1, 2]
    assert spread(0, 5) == []


def test_lines_are_numbered_as_an_editor_numbers_them(tmp_path: Path) -> None:
    file = tmp_path / "tickets.jsonl"
    file.write_text("".join(json.dumps({"body": f"body {number}"}) + "\n" for number in (1, 2, 3)), encoding="utf-8")
    assert [(ticket.line, ticket.body) for ticket in read(file, 2)] == [(1, "body 1"), (2, "body 2")]


def test_compressed_files_are_read_too(tmp_path: Path) -> None:
    file = tmp_path / "tickets.jsonl.xz"
    file.write_bytes(lzma.compress(b'{"body": "packed"}\n'))
    assert [ticket.body for ticket in read(file, 5)] == ["packed"]


@pytest.mark.parametrize("content", ["not json\n", "[1, 2]\n", '{"subject": "no body"}\n'])
def test_a_file_of_something_else_is_refused_in_a_sentence(tmp_path: Path, content: str) -> None:
    file = tmp_path / "other.txt"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(DemoError, match="cannot be read as tickets"):
        read(file, 1)


def test_a_file_that_is_not_there_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match="There is no file"):
        read(tmp_path / "missing.jsonl", 1)


def test_every_real_ticket_becomes_a_request() -> None:
    if not REAL.exists():
        if os.environ.get("CI") == "true":
            pytest.fail(f"{REAL} is missing")
        pytest.skip(f"{REAL} is not here")
    tickets = read(REAL, 100_000)
    assert len(tickets) == 17_561
    assert len({ticket.line for ticket in tickets}) == len(tickets)
    assert all(ticket.subject.isprintable() and 0 < len(ticket.subject) <= 255 for ticket in tickets)
    assert all(ticket.body.strip() and "@" in ticket.email for ticket in tickets)
    assert sum(ticket.email.startswith("requester-") for ticket in tickets) == 9_236
