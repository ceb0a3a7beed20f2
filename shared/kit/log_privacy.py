"""Masks personal data and credentials in log lines, in case a log call contains them.

Errors of libraries and of other servers repeat addresses, links and credentials; wherever they stand in a line, and
however deep, they are masked just before the line is written.
"""

import re
from typing import Any

from structlog.types import EventDict

from shared.contracts.redaction import redacted

MASK = "***"
ADDRESS = "<address>"
MAX_TEXT = 20_000
"""Characters of one value that are kept; more is no log line but a document."""
MAX_DEPTH = 4
_SECRET_WORDS = ("password", "secret", "token", "authorization", "api_key", "cookie")
_PERSONAL_NAMES = frozenset(("email", "address", "sender", "recipient", "subject", "body", "name", "phone"))
_ADDRESS = re.compile(
    r"[^\s<>\"',;:()\[\]{}@/=]{1,64}@(?:[^\s<>\"',;:()\[\]{}@/=\\]{1,63}\.){0,8}[^\s<>\"',;:()\[\]{}@/=\\]{1,63}"
)
_CREDENTIALS = re.compile(r"(?<=://)[^\s/@]{1,200}@")
_API_KEY = re.compile(r"\bhds?_[0-9a-f]{16}_[A-Za-z0-9_-]{43}")


def mask_private(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """A structlog processor, to stand last before the renderer."""
    return {name: _masked_field(name, value) for name, value in event.items()}


def masked(text: str) -> str:
    """The text without addresses, our links, API keys and credentials in URLs."""
    short = text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}…"
    if "@" in short:
        short = _ADDRESS.sub(ADDRESS, _CREDENTIALS.sub(f"{MASK}@", short).replace(f"{MASK}@", f"{MASK}\0"))
        short = short.replace(f"{MASK}\0", f"{MASK}@")
    return redacted(_API_KEY.sub(MASK, short))


def _masked_field(name: str, value: Any) -> Any:
    lower = name.lower()
    if any(word in lower for word in _SECRET_WORDS) or lower in _PERSONAL_NAMES:
        return MASK
    return _masked_value(value, MAX_DEPTH)


def _masked_value(value: Any, depth: int) -> Any:
    match value:
        case str():
            return masked(value)
        case bool() | int() | float() | None:
            return value
        case dict() if depth:
            return {key: _masked_value(each, depth - 1) for key, each in value.items()}
        case list() | tuple() | set() | frozenset() if depth:
            return [_masked_value(each, depth - 1) for each in value]
    return masked(str(value))
