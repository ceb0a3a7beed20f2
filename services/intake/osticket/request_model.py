"""A request as an old client sent it, whether in JSON or in XML: the shapes of both end here."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.contracts.vocabulary import BodyFormat

Value = str | int | float | bool | list[str]


@dataclass(frozen=True, slots=True)
class Text:
    """A message and how it is written."""

    body: str
    body_format: BodyFormat = BodyFormat.TEXT


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file out of a body; `defect` says why it has no content."""

    name: str
    content: bytes = b""
    media_type: str = "application/octet-stream"
    defect: str = ""


@dataclass(frozen=True, slots=True)
class OldRequest:
    """What a body held. `values` has every other field by its old name."""

    values: Mapping[str, Value]
    message: Text | None = None
    alert: bool = True
    acknowledge: bool = True
    files: tuple[SentFile, ...] = ()
    defects: Mapping[str, str] = field(default_factory=dict)
    """What could not be read, by field."""


def text_of(media_type: str, body: str) -> Text:
    """HTML is what says so; everything else is plain text."""
    return Text(body, BodyFormat.HTML if media_type == "text/html" else BodyFormat.TEXT)
