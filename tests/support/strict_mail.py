"""A strict reader of mails, independent of the standard library's: whatever is not exactly as written raises."""

import re
from base64 import b64decode
from binascii import a2b_qp
from collections.abc import Set
from dataclasses import dataclass

ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
ADDRESS = re.compile(rf"<({ATOM}(?:\.{ATOM})*@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)>")
QUOTED = re.compile(r'"((?:[^"\\\r\n]|\\[ -~])*)"')
FIELD = re.compile(r"([!-9;-~]+): ?([ -~\t]*)")
WORD = re.compile(r"=\?utf-8\?b\?([A-Za-z0-9+/]+={0,2})\?=")
MESSAGE_ID = re.compile(rf"<{ATOM}(?:\.{ATOM})*@{ATOM}(?:\.{ATOM})*>")


class NotStrict(AssertionError):
    """The mail is not what we write."""


@dataclass(frozen=True, slots=True)
class StrictMail:
    """What a mail says."""

    fields: dict[str, str]
    """By name as written; folded lines joined, nothing decoded."""
    parts: list[tuple[str, str]]
    """Media type and text of each."""

    def text(self, name: str) -> str:
        """A field of free text, decoded."""
        return decoded(self.fields[name])

    def mailbox(self, name: str) -> tuple[str, str]:
        """The display name and address of the only mailbox in a field."""
        value = self.fields[name]
        found = re.fullmatch(rf"(?:(?P<quoted>{QUOTED.pattern})|(?P<words>[^\"<>]*?)) ?{ADDRESS.pattern}", value)
        need(found is not None, f"not one mailbox: {value!r}")
        assert found is not None
        words = found["words"] or ""
        need(not words or all(WORD.fullmatch(word) for word in words.split(" ")), f"a bare phrase: {value!r}")
        name = re.sub(r"\\(.)", r"\1", found["quoted"][1:-1]) if found["quoted"] else decoded(words)
        return name, value[value.rindex("<") + 1 : -1]

    def ids(self, name: str) -> list[str]:
        """The Message-IDs of a field."""
        found = self.fields[name].split(" ")
        need(all(MESSAGE_ID.fullmatch(one) for one in found), f"not Message-IDs: {found}")
        return found


def need(holds: bool, otherwise: str) -> None:
    if not holds:
        raise NotStrict(otherwise)


def read(raw: bytes) -> StrictMail:
    """The mail. Raises NotStrict."""
    text = raw.decode("ascii")
    need(not re.search(r"(?<!\r)\n|\r(?!\n)|\0", text), "a bare line end or NUL")
    head, _, body = text.partition("\r\n\r\n")
    fields = _fields(head)
    is_mixed = fields["Content-Type"].startswith("multipart/mixed;")
    if not is_mixed:
        return StrictMail(fields, [_part(part) for part in _split("alternative", fields["Content-Type"], body)])
    words, *files = _split("mixed", fields["Content-Type"], body)
    need(words.startswith("\r\n"), "a boundary inside a line")
    inner, _, both = words[2:].partition("\r\n\r\n")
    kind = _fields(inner)
    need(set(kind) == {"Content-Type"}, f"fields of a part: {kind}")
    parts = [_part(part) for part in _split("alternative", kind["Content-Type"], both)]
    return StrictMail(fields, [*parts, *(_part(file, {"Content-Disposition"}) for file in files)])


def _split(kind: str, content_type: str, body: str) -> list[str]:
    boundary = re.fullmatch(rf'multipart/{kind}; boundary="(=_[0-9a-f]{{32}})"', content_type)
    need(boundary is not None, content_type)
    assert boundary is not None
    preamble, *parts = body.split(f"--{boundary[1]}")
    need(not preamble and parts.pop() == "--\r\n", "something before or after the parts")
    return parts


def _fields(head: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in re.sub(r"\r\n(?=[ \t])", "", head).split("\r\n"):
        found = FIELD.fullmatch(line)
        need(found is not None, f"not a field: {line!r}")
        assert found is not None
        need(found[1].lower() not in {name.lower() for name in fields}, f"twice: {found[1]}")
        fields[found[1]] = found[2]
    for line in head.split("\r\n"):
        need(line.strip() != "", "a blank line inside the header")
        need(len(line) <= 76 or len(line.split()) <= 2, f"too long: {line!r}")
        need(len(line) <= 998, "longer than any server takes")
    return fields


def _part(part: str, more: Set[str] = frozenset()) -> tuple[str, str]:
    need(part.startswith("\r\n") and part.endswith("\r\n"), "a boundary inside a line")
    head, _, body = part[2:].partition("\r\n\r\n")
    fields = _fields(head)
    need(set(fields) == {"Content-Type", "Content-Transfer-Encoding"} | more, f"fields of a part: {fields}")
    kind = re.fullmatch(r'(text/(?:plain|html|csv)); charset="utf-8"', fields["Content-Type"])
    need(kind is not None, fields["Content-Type"])
    assert kind is not None
    need(max(map(len, body.split("\r\n"))) <= 76, "a body's line is too long")
    data = body.encode().replace(b"\r\n", b"\n")
    is_base64 = fields["Content-Transfer-Encoding"] == "base64"
    return kind[1], (b64decode(data) if is_base64 else a2b_qp(data)).decode()


def decoded(value: str) -> str:
    """Free text with its encoded words decoded, once; none may stand among plain words."""
    words = value.split(" ")
    if not any("=?" in word for word in words):
        return value
    found = [WORD.fullmatch(word) for word in words]
    need(all(found), f"encoded words among others: {value!r}")
    need(all(len(word) <= 75 for word in words), "an encoded word is too long")
    return "".join(b64decode(one[1]).decode() for one in found if one)
