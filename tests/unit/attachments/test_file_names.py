"""Names of files as people send them, made fit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.attachments.file_names import MAX_NAME, content_disposition, extension_of, safe_name

CASES = [
    ("trace.txt", "trace.txt"),
    ("../../etc/passwd", "passwd"),
    (r"C:\Users\dana\shot.png", "shot.png"),
    ("Mängelliste 2021.xlsx", "Mängelliste 2021.xlsx"),
    ("☆第132号.pdf", "☆第132号.pdf"),
    ("invoice\u202efdp.exe", "invoicefdp.exe"),
    ("a\0b\r\nc.txt", "abc.txt"),
    ("con.txt", "_con.txt"),
    ("COM1", "_COM1"),
    ("what?.txt", "what_.txt"),
    ("  spaced   out .txt. ", "spaced out .txt"),
    ("", "file"),
    ("..", "file"),
    ("a/", "file"),
]


@pytest.mark.parametrize(("sent", "kept"), CASES)
def test_a_name_is_made_fit(sent: str, kept: str) -> None:
    assert safe_name(sent) == kept


def test_a_long_name_keeps_its_extension() -> None:
    kept = safe_name("x" * 5000 + ".pdf")
    assert len(kept) == MAX_NAME
    assert kept.endswith("x.pdf")


@given(st.text())
def test_any_name_can_be_sent_in_a_header(name: str) -> None:
    kept = safe_name(name)
    header = content_disposition(kept)
    assert 0 < len(kept) <= MAX_NAME
    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2
    assert safe_name(kept) == kept


def test_the_header_has_a_name_for_old_programs_and_the_real_one() -> None:
    assert content_disposition("Mängel.pdf") == "attachment; filename=\"Mangel.pdf\"; filename*=UTF-8''M%C3%A4ngel.pdf"


@pytest.mark.parametrize(
    ("name", "extension"), [("a.PDF", "pdf"), (".profile", ""), ("a", ""), ("a.tar.gz", "gz"), ("a." + "x" * 20, "")]
)
def test_the_extension_is_what_follows_the_last_dot(name: str, extension: str) -> None:
    assert extension_of(name) == extension
