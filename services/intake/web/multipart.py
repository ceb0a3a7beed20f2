"""Forms with files, read as they arrive: fields are small and kept, files are handed on chunk by chunk.

The parser is `python_multipart`, as in Starlette. Starlette's reader on top of it copies whole files to `/tmp`, which
is memory in a container, before a handler sees the first byte. `streaming-form-data` must know the names of all parts
beforehand, which depend on a field of the form itself, and hands data on without waiting for the store.
"""

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from fastapi import Request
from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from shared.kit.http.problems import Problem

MULTIPART = "multipart/form-data"
MAX_HEADER = 4_096
"""Bytes of one part's header."""
MAX_NAME = 200
"""Characters of a field's name."""

Kept = TypeVar("Kept")


@dataclass(frozen=True, slots=True)
class FormLimits:
    """How much a form may hold."""

    fields: int = 100
    files: int = 20
    field_bytes: int = 300 * 1024


@dataclass(frozen=True, slots=True)
class MultipartForm(Generic[Kept]):
    """A form as it was sent: every value of each field, and what became of each file."""

    values: dict[str, list[str]] = field(default_factory=dict)
    files: dict[str, list[Kept]] = field(default_factory=dict)

    def one(self, name: str) -> str:
        """The last value of a field, or nothing."""
        return self.values.get(name, [""])[-1]


class FormPart:
    """One field or file; its content must be read before the next part can be."""

    def __init__(self, stream: "_Stream", name: str, filename: str | None) -> None:
        self._stream = stream
        self.name = name
        self.filename = filename
        """None for a plain field; empty for a file that was not chosen."""

    async def content(self) -> AsyncIterator[bytes]:
        """The bytes, as they arrive."""
        while (data := await self._stream.data()) is not None:
            yield data

    async def text(self, at_most: int) -> str:
        """The whole as text. Raises Problem 422."""
        parts, size = [], 0
        async for data in self.content():
            size += len(data)
            if size > at_most:
                raise Problem(422, "field_too_large", f"the field {self.name} is larger than {at_most // 1024} KiB")
            parts.append(data)
        try:
            return b"".join(parts).decode()
        except UnicodeDecodeError:
            raise Problem(422, "not_utf8", f"the field {self.name} is not UTF-8 text") from None


async def read_form(
    request: Request,
    keep: Callable[[FormPart, MultipartForm[Kept]], Awaitable[Kept]],
    limits: FormLimits = FormLimits(),
) -> MultipartForm[Kept]:
    """Reads a form to its end; each file that was chosen goes to `keep` while it arrives, with what came before it.

    Raises Problem 400 for what is no such form, 415 for another media type, 422 beyond the limits.
    """
    form: MultipartForm[Kept] = MultipartForm()
    fields = files = 0
    async for part in parts_of(request):
        if part.filename is None:
            fields += 1
            _within(fields, limits.fields, "fields")
            form.values.setdefault(part.name, []).append(await part.text(limits.field_bytes))
        elif part.filename:
            files += 1
            _within(files, limits.files, "files")
            form.files.setdefault(part.name, []).append(await keep(part, form))
        else:
            await part.text(limits.field_bytes)
    return form


async def parts_of(request: Request) -> AsyncIterator[FormPart]:
    """The parts in their order. Raises Problem 400 or 415."""
    stream = _Stream(request)
    while (part := await stream.part()) is not None:
        yield part
        while await stream.data() is not None:
            pass


class _Stream:
    """Pulls from the network only when a reader wants more, so that nothing piles up."""

    def __init__(self, request: Request) -> None:
        media_type, options = parse_options_header(request.headers.get("content-type", ""))
        boundary = options.get(b"boundary", b"")
        if media_type != MULTIPART.encode() or not 0 < len(boundary) <= 200:
            raise Problem(415, "unsupported_media_type", f"send the form as {MULTIPART}")
        self._chunks = request.stream()
        self._waiting: deque[FormPart | bytes | None] = deque()
        """A part that begins, data of it, None where it ends."""
        self._header: dict[bytes, bytes] = {}
        self._name, self._value = b"", b""
        self._is_whole = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_headers,
                "on_part_data": self._on_data,
                "on_part_end": lambda: self._waiting.append(None),
                "on_end": self._on_end,
            },
        )

    async def part(self) -> FormPart | None:
        """The next part, or None after the last."""
        while not self._waiting:
            if not await self._pull():
                return None
        found = self._waiting.popleft()
        assert isinstance(found, FormPart)
        return found

    async def data(self) -> bytes | None:
        """More of the present part, or None at its end."""
        while not self._waiting:
            if not await self._pull():
                return None
        if isinstance(self._waiting[0], FormPart):
            return None
        return self._waiting.popleft()  # type: ignore[return-value]

    async def _pull(self) -> bool:
        """Reads on; False at the end of a whole form. Raises Problem 400."""
        async for chunk in self._chunks:
            if chunk:
                try:
                    self._parser.write(chunk)
                except FormParserError as error:
                    raise Problem(400, "malformed_form", f"the form cannot be read: {error}") from None
                return True
        if not self._is_whole:
            raise Problem(400, "malformed_form", "the form breaks off before its end")
        return False

    def _begin(self) -> None:
        self._header, self._name, self._value = {}, b"", b""

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]
        self._check_header()

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]
        self._check_header()

    def _check_header(self) -> None:
        if len(self._name) + len(self._value) + sum(map(len, self._header.values())) > MAX_HEADER:
            raise Problem(400, "malformed_form", f"a part's header is larger than {MAX_HEADER} bytes")

    def _on_header_end(self) -> None:
        self._header[self._name.lower()] = self._value
        self._name, self._value = b"", b""

    def _on_headers(self) -> None:
        _, options = parse_options_header(self._header.get(b"content-disposition", b""))
        name = options.get(b"name", b"").decode("utf-8", "replace")
        if not 0 < len(name) <= MAX_NAME:
            raise Problem(400, "malformed_form", f"each part needs a name of at most {MAX_NAME} characters")
        filename = options.get(b"filename")
        self._waiting.append(FormPart(self, name, None if filename is None else filename.decode("utf-8", "replace")))

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        self._waiting.append(bytes(data[start:end]))

    def _on_end(self) -> None:
        self._is_whole = True


def _within(count: int, limit: int, what: str) -> None:
    if count > limit:
        raise Problem(422, f"too_many_{what}", f"a form holds at most {limit} {what}")
