"""A file is what its bytes say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.attachments.media_type_detection import SHOWABLE, media_type_of

CASES = [
    (b"\x89PNG\r\n\x1a\n....", "shot.png", "image/png"),
    (b"\xff\xd8\xff\xe0..JFIF", "shot.png", "image/jpeg"),
    (b"GIF89a<script>alert(1)</script>", "a.gif", "image/gif"),
    (b"RIFF\x10\0\0\0WEBPVP8 ", "a.webp", "image/webp"),
    (b"%PDF-1.7", "a.pdf", "application/pdf"),
    (b"<html><script>alert(1)</script>", "shot.png", "text/html"),
    (b"  \n<!DOCTYPE html>", "a.txt", "text/html"),
    (b"plain words, then <script>", "a.txt", "text/html"),
    (b"<svg xmlns='http://www.w3.org/2000/svg' onload='x'>", "a.png", "image/svg+xml"),
    (b"<?xml version='1.0'?><a/>", "a.xml", "application/xml"),
    (b"MZ\x90\0", "report.pdf", "application/vnd.microsoft.portable-executable"),
    (b"MZ, please call me back", "a.txt", "text/plain"),
    (b"\x7fELF\x02", "a", "application/x-executable"),
    (b"#!/bin/sh\nrm -rf", "a.txt", "text/x-script"),
    (b"GET /login 502\n", "trace.txt", "text/plain"),
    (b"a;b\n1;2\n", "a.csv", "text/csv"),
    (b"a;b\n1;2\n", "a.html", "text/plain"),
    (b'{"a": 1}', "a.json", "application/json"),
    ("Grüße".encode(), "a", "text/plain"),
    ("Grüße".encode("latin-1"), "a", "application/octet-stream"),
    (b"PK\x03\x04" + bytes(60), "a.zip", "application/zip"),
    (b"PK\x03\x04" + bytes(60), "a.png", "application/zip"),
    (
        b"PK\x03\x04" + bytes(60),
        "a.docx",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ),
    (b"", "a.png", "text/plain"),
    (b"\0\1\2\3", "a.png", "application/octet-stream"),
]


@pytest.mark.parametrize(("head", "name", "media_type"), CASES)
def test_the_bytes_decide_and_the_name_only_chooses_among_what_they_allow(
    head: bytes, name: str, media_type: str
) -> None:
    assert media_type_of(head, name) == media_type


@given(st.binary(max_size=300), st.sampled_from(["a.png", "a.svg", "a.html", "a"]))
def test_nothing_is_shown_in_a_page_that_does_not_begin_as_a_picture(head: bytes, name: str) -> None:
    beginnings = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"RIFF")
    assert media_type_of(head, name) not in SHOWABLE or head.startswith(beginnings)
