"""ISO-2022-JP as mail programs write it: with the vendors' characters (① ㈱ №) that the standard does not have."""

import re

_ESCAPE = re.compile(rb"\x1b(\$\(D|\$[@B]|\([BJI])")
_IS_JAPANESE = re.compile(rb"\x1b(?:\$[@B]|\$\(D|\([JI])")
_ROMAN = str.maketrans({"\\": "¥", "~": "‾"})
_KANJI = (b"$@", b"$B")


def is_iso_2022_jp(data: bytes) -> bool:
    """Whether bytes hold escapes that begin Japanese, whatever they are declared to be."""
    return data.isascii() and _IS_JAPANESE.search(data) is not None


def decode_iso_2022_jp(data: bytes) -> str:
    """The text; a line end leaves Japanese as an escape does, and what means nothing is kept as it is."""
    found: list[str] = []
    mode, at = b"(B", 0
    for escape in _ESCAPE.finditer(data):
        found.append(_lines(data[at : escape.start()], mode))
        mode, at = escape[1], escape.end()
    found.append(_lines(data[at:], mode))
    return "".join(found)


def _lines(data: bytes, mode: bytes) -> str:
    first, end, rest = data.partition(b"\n")
    carried = b"\r" if first.endswith(b"\r") else b""
    line = _run(first.removesuffix(b"\r"), mode)
    return line + (carried + end + rest).decode("ascii", "replace")


def _run(data: bytes, mode: bytes) -> str:
    if mode == b"(I":
        return bytes(byte | 0x80 for byte in data).decode("cp932", "replace")
    if mode in _KANJI or mode == b"$(D":
        pairs = (data[at : at + 2] for at in range(0, len(data), 2))
        return "".join(_character(pair, is_supplement=mode == b"$(D") for pair in pairs)
    text = data.decode("ascii", "replace")
    return text.translate(_ROMAN) if mode == b"(J" else text


def _character(pair: bytes, *, is_supplement: bool) -> str:
    """One of JIS X 0208 or 0212, or else the one that Windows has at its place."""
    high = bytes(byte | 0x80 for byte in pair)
    tries = [(b"\x8f" + high, "euc_jp")] if is_supplement else [(high, "euc_jp"), (_shifted(pair), "cp932")]
    for encoded, codec in tries:
        try:
            return encoded.decode(codec)
        except UnicodeDecodeError:
            continue
    return pair.decode("ascii", "replace")


def _shifted(pair: bytes) -> bytes:
    """The same place in Shift JIS."""
    if len(pair) < 2:
        return b"\xff"
    row, cell = pair
    lead = (row - 0x21) // 2 + 0x81
    lead += 0x40 if lead > 0x9F else 0
    if row % 2:
        return bytes((lead, cell + (0x20 if cell >= 0x60 else 0x1F)))
    return bytes((lead, cell + 0x7E))
