"""Forms with files are read as they arrive."""

from collections.abc import Iterable
from typing import Any

import pytest
from fastapi import Request
from hypothesis import given
from hypothesis import strategies as st

from services.intake.web.multipart import FormLimits, FormPart, MultipartForm, read_form
from shared.kit.http.problems import Problem

BOUNDARY = "wall"
CONTENT_TYPE = f"multipart/form-data; boundary={BOUNDARY}"


def body_of(*parts: tuple[str, bytes]) -> bytes:
    lines = [f"--{BOUNDARY}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + data for head, data in parts]
    return b"\r\n".join([*lines, f"--{BOUNDARY}--\r\n".encode()])


def request_of(chunks: Iterable[bytes], content_type: str = CONTENT_TYPE) -> Request:
    waiting = [*chunks]

    async def receive() -> dict[str, Any]:
        body = waiting.pop(0) if waiting else b""
        return {"type": "http.request", "body": body, "more_body": bool(waiting)}

    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", content_type.encode())]}
    return Request(scope, receive)


async def whole(part: FormPart, _form: object) -> tuple[str, bytes]:
    return part.filename or "", b"".join([data async for data in part.content()])


async def read(body: bytes, step: int = 7, limits: FormLimits = FormLimits()) -> MultipartForm[tuple[str, bytes]]:
    pieces = [body[at : at + step] for at in range(0, len(body), step)]
    return await read_form(request_of(pieces), whole, limits)


async def test_fields_and_files_come_as_they_were_sent() -> None:
    form = await read(
        body_of(
            ('name="subject"', "Grüße".encode()),
            ('name="file"; filename="a.txt"', b"first\r\n--wal no\r\n"),
            ('name="kind"', b"1"),
            ('name="kind"', b"2"),
            ('name="file"; filename="b.txt"', b""),
            ('name="file"; filename=""', b""),
        )
    )
    assert form.values == {"subject": ["Grüße"], "kind": ["1", "2"]}
    assert form.one("kind") == "2"
    assert form.one("nothing") == ""
    assert form.files == {"file": [("a.txt", b"first\r\n--wal no\r\n"), ("b.txt", b"")]}


@given(st.binary(max_size=3000), st.integers(1, 400))
async def test_any_content_survives_any_cut(content: bytes, step: int) -> None:
    if b"--wall" in content:
        return
    form = await read(body_of(('name="f"; filename="x"', content), ('name="after"', b"1")), step)
    assert form.files["f"] == [("x", content)]
    assert form.one("after") == "1"


async def test_a_file_nobody_reads_is_passed_over() -> None:
    async def ignore(_part: FormPart, _form: object) -> None:
        return None

    body = body_of(('name="f"; filename="x"', b"y" * 5000), ('name="after"', b"1"))
    assert (await read_form(request_of([body]), ignore)).one("after") == "1"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "malformed_form"),
        (b"no form at all", "malformed_form"),
        (body_of(('name="a"', b"1"))[:-6], "malformed_form"),
        (body_of(("nothing", b"1")), "malformed_form"),
        (body_of((f'name="{"n" * 300}"', b"1")), "malformed_form"),
        (body_of((f'name="a"\r\nX: {"x" * 5000}', b"1")), "malformed_form"),
        (body_of(('name="a"', b"\xff\xfe")), "not_utf8"),
        (body_of(('name="a"', b"x" * 2000)), "field_too_large"),
        (body_of(*[('name="a"', b"1")] * 6), "too_many_fields"),
        (body_of(*[('name="a"; filename="x"', b"1")] * 4), "too_many_files"),
    ],
)
async def test_what_is_no_such_form_or_too_much_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(Problem) as refused:
        await read(body, 50, FormLimits(fields=5, files=3, field_bytes=1000))
    assert refused.value.code == code


async def test_another_media_type_is_refused() -> None:
    with pytest.raises(Problem) as refused:
        await read_form(request_of([b"{}"], "application/json"), whole)
    assert refused.value.status == 415
