"""Names of files, made fit to be shown, stored and sent in a header."""

import re
import unicodedata
from urllib.parse import quote

from shared.contracts.redaction import redacted

MAX_NAME = 200
"""Characters of a name that are kept, its extension among them."""
UNNAMED = "file"
_SEPARATORS = re.compile(r"[/\\]")
_UNFIT = re.compile(r'[<>:"|?*]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
"""What some systems take for a device, whatever follows the dot."""
_HIDDEN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
"""Controls, marks that turn the reading direction, halves of pairs, and what is no character."""


def safe_name(name: str) -> str:
    """The last part of a path, without our links and what hides, misleads or is refused; `file` if nothing is left."""
    last = _SEPARATORS.split(redacted(name[-4 * MAX_NAME :]))[-1]
    shown = "".join(char for char in unicodedata.normalize("NFC", last) if unicodedata.category(char) not in _HIDDEN)
    fit = " ".join(_UNFIT.sub("_", shown).split()).strip(". ")
    if _RESERVED.fullmatch(fit):
        fit = f"_{fit}"
    return _shortened(fit) or UNNAMED


def extension_of(name: str) -> str:
    """What follows the last dot, in lower case; empty without one."""
    stem, dot, extension = name.rpartition(".")
    return extension.lower() if dot and stem and len(extension) <= 16 else ""


def content_disposition(name: str, *, is_inline: bool = False) -> str:
    """The header's value (RFC 6266): a plain name for old programs, the real one (RFC 8187) for the others."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r'["\\%;]', "_", plain).strip() or UNNAMED
    kind = "inline" if is_inline else "attachment"
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _shortened(name: str) -> str:
    if len(name) <= MAX_NAME:
        return name
    extension = extension_of(name)
    if not extension:
        return name[:MAX_NAME]
    return f"{name[: MAX_NAME - len(extension) - 1]}.{extension}"
