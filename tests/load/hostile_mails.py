"""Mails of 25 MB made to be slow or to need much memory, each by one means."""

from collections.abc import Callable

from shared.kit.user_content.limits import MAX_TAGS

SIZE = 25_000_000
HTML_SIZE = 500_000
"""Characters of HTML just below the size that is read as HTML."""
HEAD = b"From: Dana <dana@bank.example>\r\nSubject: Help\r\n"
Build = Callable[[], bytes]


def repeated(piece: bytes, size: int = SIZE) -> bytes:
    """The piece again and again, up to a size."""
    return (piece * (size // len(piece) + 1))[:size]


def with_type(media_type: str, body: bytes) -> bytes:
    """A mail of one part."""
    return HEAD + f"Content-Type: {media_type}\r\n\r\n".encode() + body


def text(body: bytes) -> bytes:
    """A mail of plain text."""
    return with_type("text/plain; charset=utf-8", body)


def html(piece: bytes, start: bytes = b"", size: int = HTML_SIZE) -> bytes:
    """A mail of HTML that repeats a piece."""
    return with_type("text/html; charset=utf-8", start + repeated(piece, size - len(start)))


def bounded_html(piece: bytes, start: bytes = b"") -> bytes:
    """As many pieces as HTML may have and still be read as HTML."""
    count = (MAX_TAGS - start.count(b"<")) // piece.count(b"<") - 1
    return html(piece, start, min(250_000, count * len(piece) + len(start)))


def mixed(body: bytes) -> bytes:
    """A mail of several parts, parted by `--b`."""
    return with_type("multipart/mixed; boundary=b", body)


def header(field: bytes) -> bytes:
    """A mail with one enormous field."""
    return HEAD + field + b"\r\n\r\nHello"


def encoded(encoding: str, body: bytes) -> bytes:
    """A file of one part in a transfer encoding."""
    return HEAD + f"Content-Type: a/b\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode() + body


def nested(levels: int) -> bytes:
    """Multiparts in multiparts, none of them ended."""
    lines = (f'Content-Type: multipart/mixed; boundary="b{level}"\r\n\r\n--b{level}\r\n' for level in range(levels))
    return HEAD + "".join(lines).encode()


def prefixed() -> bytes:
    """Multiparts in multiparts whose boundaries all begin alike, and lines that look like each of them."""
    levels = (
        b'Content-Type: multipart/mixed; boundary="%s"\r\n\r\n--%s\r\n' % (b"b" * n, b"b" * n) for n in range(1, 20)
    )
    return HEAD + b"".join(levels) + b"\r\n" + repeated(b"--" + b"b" * 30 + b"\r\n")


MAILS: dict[str, Build] = {
    "NUL bytes": lambda: repeated(b"\0"),
    "line feeds": lambda: repeated(b"\n"),
    "one word": lambda: repeated(b"x"),
    "all bytes": lambda: repeated(bytes(range(256))),
    "text of line feeds": lambda: text(repeated(b"\n")),
    "text of quote marks": lambda: text(repeated(b"> a\n")),
    "text of attributions": lambda: text(repeated(b"On 1 May 2012 10:00 a@b.example wrote:\n")),
    "text of quoted headers": lambda: text(repeated(b"From: a\nSent: b\n")),
    "text of signatures": lambda: text(repeated(b"-- \n")),
    "text in no charset": lambda: text(repeated(bytes(range(128, 256)))),
    "text of files that never end": lambda: text(repeated(b"begin 644 x\n#AAAA\n")),
    "a subject": lambda: header(b"Subject: " + repeated(b"x")),
    "a folded subject": lambda: header(b"Subject: " + repeated(b"x\r\n ")),
    "a subject of encoded words": lambda: header(b"Subject: " + repeated(b"=?x?q?a?= ")),
    "fields": lambda: repeated(b"A: b\r\n"),
    "lines that are no fields": lambda: HEAD + repeated(b"a\n"),
    "addresses": lambda: header(b"To: " + repeated(b"a@b.example,")),
    "address fields": lambda: repeated(b"To: " + repeated(b"a@b.example,", 16_000) + b"\r\n"),
    "open comments": lambda: header(b"From: " + repeated(b"(")),
    "references": lambda: header(b"References: " + repeated(b"<a@b> ")),
    "parameters": lambda: header(b"Content-Type: text/plain; " + repeated(b"a=b;")),
    "open quotes": lambda: header(b"Content-Type: text/plain; a=" + repeated(b'"\\')),
    "empty parts": lambda: mixed(repeated(b"--b\r\n")),
    "small parts": lambda: mixed(repeated(b"--b\r\n\r\nx\r\n")),
    "text parts in no charset": lambda: mixed(repeated(b"--b\r\n\r\n" + bytes(range(128, 256)) * 700 + b"\r\n")),
    "HTML parts": lambda: mixed(repeated(b"--b\r\nContent-Type: text/html\r\n\r\n" + b"<p>x</p>" * 50_000 + b"\r\n")),
    "parts with long headers": lambda: mixed(repeated(b"--b\r\n" + b"A: b\r\n" * 16_000 + b"\r\nx\r\n")),
    "parts with long names": lambda: mixed(
        repeated(b'--b\r\nContent-Type: a/b; name="' + b"=?x?b?gICA?= " * 1_200 + b'"\r\n\r\nx\r\n')
    ),
    "1,000 levels": lambda: nested(1_000) + repeated(b"x"),
    "300,000 levels": lambda: nested(300_000),
    "levels with boundaries alike": prefixed,
    "a boundary within itself": lambda: mixed(repeated(b"--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n")),
    "text after the parts": lambda: mixed(b"--b\r\n\r\nx\r\n--b--\r\n" + repeated(b"multi" * 10 + b"\n")),
    "no boundary": lambda: with_type("multipart/mixed", repeated(b"x\n--")),
    "base64": lambda: encoded("base64", repeated(b"QUJD" * 19 + b"\r\n")),
    "base64 in pieces": lambda: encoded("base64", repeated(b"QQ==")),
    "quoted-printable": lambda: encoded("quoted-printable", repeated(b"=41")),
    "HTML of 25 MB": lambda: with_type("text/html", repeated(b"<p>x</p>")),
    "HTML of 100,000 levels": lambda: with_type("text/html", b"<div>" * 100_000),
    "HTML of open tags": lambda: html(b"<p>x"),
    "HTML of cells": lambda: html(b"<td>x", b"<table><tr>"),
    "HTML of misplaced cells": lambda: html(b"x<b>y</b>", b"<table>" * 90),
    "HTML of list items": lambda: html(b"<li>x", b"<ul><li>" * 90),
    "HTML of formats to repeat": lambda: html(b"<p>" + b"x" * 50, b"".join(b"<b a=%d>" % n for n in range(90))),
    "HTML of ampersands": lambda: html(b"&a", b"<p>"),
    "HTML of attributes": lambda: with_type(
        "text/html", b"<p " + b" ".join(b"a%d=1" % n for n in range(70_000)) + b">x"
    ),
    "HTML of pictures": lambda: html(b'<img src="data:image/png;base64,AAAA">'),
    "HTML of comments": lambda: html(b"<!--"),
    "HTML of styles": lambda: html(b" ", b'<div style="'),
    "HTML of lines": lambda: html(b"a" * 12 + b"\n", b"<pre>"),
    "HTML of nested tables": lambda: html(b"x" * 200 + b"<br>", b"<table><tr><td>x" * 90),
    "in bounds: paragraphs": lambda: bounded_html(b"<p>x"),
    "in bounds: formats": lambda: bounded_html(b"<p><b>x</b> &amp; <i>y</i></p>"),
    "in bounds: cells": lambda: bounded_html(b"<td>x", b"<table><tr>"),
    "in bounds: rows": lambda: bounded_html(b"<tr><td>x<td>y", b"<table>"),
    "in bounds: list items": lambda: bounded_html(b"<li>x", b"<ul><li>" * 45),
    "in bounds: nested tables": lambda: bounded_html(b"<tr><td>x", b"<table><tr><td>x" * 45),
    "in bounds: misplaced text": lambda: bounded_html(b"x<b>y</b>", b"<table>" * 45),
    "in bounds: formats to repeat": lambda: bounded_html(b"<p>x", b"".join(b"<b a=%d>" % n for n in range(45))),
    "in bounds: ampersands": lambda: html(b"&a ", b"<p>", 60_000),
    "in bounds: quotes": lambda: bounded_html(
        b"<blockquote type=cite>x</blockquote><p>On 1 May 2012 10:00 a@b.c wrote:"
    ),
    "in bounds: lines": lambda: html(b"ab\n", b"<pre>", 140_000),
    "in bounds: pictures": lambda: bounded_html(b'<img src="http://a.example/b">'),
}
"""What fills the mail, and how it is made."""
