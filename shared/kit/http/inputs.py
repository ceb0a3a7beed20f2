"""Field types for everything that comes from outside, each with its limit and a refusal that says what to change."""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    StringConstraints,
)
from pydantic_core import to_json

from shared.contracts.described_models import DescribedModel
from shared.contracts.redaction import redacted
from shared.kit.addresses import canonical_address

MAX_TEXT = 256 * 1024
"""Bytes of a message body on the bus."""
MAX_ESCAPED = 900 * 1024
"""Bytes of a message body as JSON writes it, where a control character takes six: one event can carry no more."""
_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class Input(DescribedModel):
    """A request body: unknown fields are refused, types are not coerced."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _no_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not contain the NUL character")
    return text


def _encodable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("must not contain unpaired surrogates") from None
    return text


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return text


def _within_bus(text: str) -> str:
    if len(text.encode()) > MAX_TEXT:
        raise ValueError(f"must be at most {MAX_TEXT // 1024} KiB")
    if len(to_json(text)) > MAX_ESCAPED:
        raise ValueError("has too many control characters to be carried; shorten it")
    return text


def _one_line(text: str) -> str:
    if _CONTROLS.search(text):
        raise ValueError("must not contain line breaks or control characters")
    return text


Body = Annotated[
    str,
    StringConstraints(min_length=1),
    AfterValidator(_encodable),
    AfterValidator(_no_nul),
    AfterValidator(_not_blank),
    AfterValidator(_within_bus),
    AfterValidator(redacted),
]
"""Text people wrote: any characters but NUL, not blank, kept as sent but for our personal links."""

Line = Annotated[
    str,
    StringConstraints(min_length=1, max_length=255),
    AfterValidator(_encodable),
    AfterValidator(_one_line),
    AfterValidator(_not_blank),
    AfterValidator(redacted),
]
"""One line such as a subject or a name."""

ShortLine = Annotated[
    str,
    StringConstraints(min_length=1, max_length=120),
    AfterValidator(_encodable),
    AfterValidator(_one_line),
    AfterValidator(_not_blank),
    AfterValidator(redacted),
]
"""One line such as what we call something."""

Email = Annotated[
    str,
    StringConstraints(min_length=3, max_length=254),
    AfterValidator(_encodable),
    AfterValidator(_one_line),
    AfterValidator(canonical_address),
]
"""An e-mail address, its domain brought into ASCII; its form is checked, not whether it can be reached."""

Phone = Annotated[str, StringConstraints(pattern=r"^[0-9+()./ xX-]{3,40}$")]
"""A telephone number, with an extension after X."""

LanguageTag = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$"),
    Field(description="A BCP 47 tag such as `de` or `pt-BR`: the language of mails, if there is a translation"),
]
"""A language, whether or not there is a translation into it."""


def _as_rfc_3339(value: object) -> object:
    if isinstance(value, int | float) or (isinstance(value, str) and not _RFC_3339.fullmatch(value)):
        raise ValueError("write an instant with its offset, like 2026-11-24T09:30:00Z")
    return value


def _in_utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError("is too far from now") from None


WrittenInstant = Annotated[AwareDatetime, BeforeValidator(_as_rfc_3339), AfterValidator(_in_utc)]
"""An instant as RFC 3339 writes it, in UTC: no number, which would be read as seconds since 1970."""

Flag = Annotated[bool, Strict()]
"""True or false as JSON writes them: no `0`, no `"yes"`."""

Whole = Annotated[int, Strict()]
"""A whole number as JSON writes it: no `"5"`."""

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
"""A short name in URLs and settings."""
