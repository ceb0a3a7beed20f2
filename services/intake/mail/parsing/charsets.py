"""Bytes into text whatever their charset claims to be: nothing raises, and no byte disappears."""

# ruff: noqa: RUF001 - letters of other alphabets that look like Latin ones are meant

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from charset_normalizer import from_bytes

from services.intake.mail.parsing import east_asian
from services.intake.mail.parsing.central_european import charset_of_central_europe
from services.intake.mail.parsing.east_asian import NO_HINTS, Hints
from services.intake.mail.parsing.iso_2022_jp import decode_iso_2022_jp, is_iso_2022_jp

KOREAN, KOREAN_HEAD = "iso2022_kr", b"\x1b$)C"
"""ISO-2022-KR (RFC 1557) begins with this escape, once."""
SAMPLE = 8_192
"""Bytes shown to the detector, whose cost grows with them."""
WORTH_A_GUESS = 8
"""Minimum sample size, in bytes, for charset detection."""
FEW_BAD_BYTES = 0.02
"""Up to this share of undecodable bytes, the declared charset is believed."""
REPAIR = "everdesk-repair"
_REFUSED = frozenset({"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem"})
_SEVEN_BITS = frozenset({"iso2022_jp_ext", "iso2022_kr", "hz", "utf-7", "utf-16", "utf-16-le", "utf-16-be", "utf-32"})
"""Charsets whose bytes may all look like ASCII and mean something else."""
WIDE = frozenset({"utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"})
"""Charsets of which each character takes two bytes or more."""
_WIDER = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
    "iso2022_jp": "iso2022_jp_ext",
    "iso8859-9": "cp1254",
    "tis-620": "cp874",
}
"""What senders mean by a charset's name, as browsers read it too: the superset their software writes."""
_WESTERN = frozenset({"cp1252", "iso8859-15", "iso8859-14", "mac-roman"})
"""Charsets that programs name by default, whatever they write."""
JAPANESE = "iso2022_jp_ext"
_ALIASES = {
    "iso2022jpms": JAPANESE,
    "xiso2022jp": JAPANESE,
    "xiso2022jpms": JAPANESE,
    "cp50220": JAPANESE,
    "cp50221": JAPANESE,
    "cp50222": JAPANESE,
    "windows50220": JAPANESE,
    "windows50221": JAPANESE,
    "ksc56011987": "cp949",
    "ksc56011989": "cp949",
    "windows949": "cp949",
    "xsjis": "cp932",
    "windows31j": "cp932",
    "xeucjp": "euc_jp",
    "xgbk": "gb18030",
    "xbig5": "big5hkscs",
    "iso88598i": "iso8859-8",
    "iso88596i": "iso8859-6",
    "unicode11utf7": "utf-7",
    "utf8mb4": "utf-8",
    "xmaccroatian": "mac_croatian",
    "macintosh": "mac_roman",
    "xmacroman": "mac_roman",
    "windows874": "cp874",
    "dos874": "cp874",
    "xutf8": "utf-8",
}
_LIKELY = [
    *(
        "cp1251",
        "koi8_r",
        "koi8_u",
        "cp866",
        "cp1250",
        "iso8859_2",
        "cp1253",
        "iso8859_7",
        "cp1254",
        "cp1255",
        "cp1256",
    ),
    *("cp1257", "cp874", "cp1258", "cp932", "euc_jp", "gb18030", "big5", "cp949", "cp1252", "utf_8"),
]
"""What mails without a right label are written in; short samples fit many others by chance."""
_NAME = re.compile(r"[^a-z0-9]+")
_UNWANTED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff]")
_C1 = re.compile("[\x80-\x9f]")
_MEANT_BY_C1 = {code: bytes([code]).decode("cp1252", "ignore") for code in range(0x80, 0xA0)}
"""What Windows text has at the places of these controls, as browsers read them; elsewhere they mean nothing."""
_SURROGATES = re.compile("[\ud800-\udfff]")
_LINE_ENDS = re.compile("\r\n?|\x85|\u2028|\u2029")


@dataclass(frozen=True, slots=True)
class Decoded:
    """Text, and which charset it turned out to be in."""

    text: str
    charset: str
    is_as_declared: bool


@dataclass(frozen=True, slots=True)
class CharsetContext:
    """What the rest of a mail tells of bytes in it that name no charset."""

    hints: Hints = field(default_factory=lambda: NO_HINTS)
    charset: str | None = None
    """An East Asian one, which all of the mail's unlabelled text is in as a whole."""


ALONE = CharsetContext()


def decode(data: bytes, declared: str | None, *, may_guess: bool = True, around: CharsetContext = ALONE) -> Decoded:
    """Tries what is declared, then UTF-8, then what the bytes look like, then Windows-1252 with every byte kept.

    UTF-8 comes first where Western text is declared, for that is often a mere default and never looks like UTF-8.
    So does Cyrillic, where Western text would be nonsense; 8-bit text that is called ASCII is declared as nothing, and
    so are plain letters that are called UTF-16.
    """
    believed = _believed(data, declared)
    if (escaped := _iso_2022(data, believed)) is not None:
        return escaped
    if data.isascii() and believed not in _SEVEN_BITS:
        return Decoded(data.decode("ascii"), believed or "ascii", believed is not None or not declared)
    for charset in _in_order_of_trust(data, believed, around):
        if (text := _strict(data, charset)) is not None:
            return Decoded(_with_dots(text, charset), charset, charset == believed)
    if (cut := _cut_off(data, believed or "utf-8") or _cut_off(data, "utf-8")) is not None:
        return cut
    if believed and believed != "cp1252" and _share_of_bad_bytes(data, believed) <= FEW_BAD_BYTES:
        return Decoded(_repaired(data, believed), believed, is_as_declared=False)
    told = _told(data, around)
    if told is None and may_guess and len(data) >= WORTH_A_GUESS and (guess := _detected(data)):
        told = east_asian.best_of(data, guess, around.hints)
    if told and (text := _strict(data, told)) is not None:
        return Decoded(text, told, is_as_declared=False)
    return Decoded(_repaired(data, "cp1252"), "cp1252", is_as_declared=False)


def _believed(data: bytes, declared: str | None) -> str | None:
    """The codec of the declared charset, unless the bytes show that it is a mere default."""
    codec = codec_of(declared)
    is_no_ascii = codec == "cp1252" and not data.isascii() and _is_ascii_by_name(declared)
    is_plain = codec in WIDE and data.isascii() and b"\0" not in data
    return None if is_no_ascii or is_plain else codec


def _iso_2022(data: bytes, believed: str | None) -> Decoded | None:
    """Japanese or Korean in seven bits, told by their escapes whatever the label; None if it is neither."""
    if is_iso_2022_jp(data) and believed not in _SEVEN_BITS - {JAPANESE}:
        text = _strict(data, JAPANESE)
        return Decoded(decode_iso_2022_jp(data) if text is None else text, JAPANESE, believed == JAPANESE)
    if data.startswith(KOREAN_HEAD) and (text := _strict(data, KOREAN)) is not None:
        return Decoded(text, KOREAN, believed == KOREAN)
    return None


def _told(data: bytes, around: CharsetContext) -> str | None:
    """What the bytes look like, if that is clear."""
    if around.charset and east_asian.reads_as(data, around.charset):
        return around.charset
    if is_western(data):
        return "cp1252"
    return _elsewhere(data, around)


def _elsewhere(data: bytes, around: CharsetContext) -> str | None:
    """What bytes look like that are no Western text."""
    return _cyrillic(data) or charset_of_central_europe(data) or east_asian.charset_of(data, around.hints)


def _in_order_of_trust(data: bytes, believed: str | None, around: CharsetContext) -> Iterator[str]:
    """The charsets to try before any guess."""
    if believed is not None and believed not in _WESTERN:
        yield believed
    yield "utf-8"
    is_default = believed in _WESTERN and not is_western(data)
    if is_default and (told := _elsewhere(data, around)):
        yield told
    if believed in _WESTERN:
        yield believed


def _is_ascii_by_name(declared: str | None) -> bool:
    return declared is not None and codecs.lookup(declared.strip("\"' \t").lower()).name == "ascii"


_WESTERN_WORD = re.compile(r"[A-Za-zÀ-ÖØ-öø-ÿŒœŠšŽžŸ]+")
_IN_WORDS = re.compile(r"(?<=[A-Za-zÀ-ÖØ-öø-ÿ])[^\x00-\x7fÀ-ÖØ-öø-ÿŒœŠšŽžŸ‘’´·\xad\xa0–—…](?=[A-Za-zÀ-ÖØ-öø-ÿ])")
_SWAPPED_CASE = re.compile(r"[a-zß-öø-ÿ][À-ÖØ-Þ]")
"""As Cyrillic and Chinese look in Windows-1252, and no Western word does."""
_ADJACENT = re.compile(r"[^\x00-\x7f]{2}")
"""As two bytes of one character look; quotes, dashes and currencies stand alone."""
_ALPHABETS = tuple(
    frozenset(letters)
    for letters in (
        *("àâæçéèêëîïôœùûüÿ", "äöüßéà", "áéíóúñüïç", "áâãàçéêíóôõúü", "àèéìíîòóùú", "æøåéäöüôòèêó", "åäöéüàšž"),
        *("áðéíóúýþæö", "éèêëïöüáóíçñ", "àçèéíïòóúü"),
    )
)
"""What the languages of Western Europe write beyond plain letters."""
_ELSEWHERE_TOO = frozenset("øìþðýõšžòùû")
"""Where Czech, Hungarian and Turkish have letters of theirs: beside those of no one language they mean these."""
_MOSTLY_PLAIN = 0.7
"""Up to this share of its letters, a Western text has accents."""


def is_western(data: bytes) -> bool:
    """Whether bytes read as Western text in Windows-1252: mostly plain letters, accents in words and no sign in one."""
    sample = _strict(data[:SAMPLE], "cp1252")
    if sample is None or _IN_WORDS.search(sample) or _SWAPPED_CASE.search(sample):
        return False
    letters = "".join(_WESTERN_WORD.findall(sample))
    foreign = sum(not letter.isascii() for letter in letters)
    written = {letter for letter in letters.lower() if not letter.isascii()}
    if not (written.isdisjoint(_ELSEWHERE_TOO) or any(written <= alphabet for alphabet in _ALPHABETS)):
        return False
    signs = sum(not one.isascii() for one in sample) - foreign
    are_few = signs <= max(2, len(letters) // 5) or not _ADJACENT.search(sample)
    return foreign <= _MOSTLY_PLAIN * len(letters) and are_few


_CYRILLIC_TEXT = re.compile(r"[\x00-\x7fЀ-ӿ«»„“”–—…№\xa0]+")
_CYRILLIC_WORD = re.compile(r"[а-яё]{4}", re.IGNORECASE)
_SWAPPED_CYRILLIC = re.compile("[а-яё][А-ЯЁ]")


def _cyrillic(data: bytes) -> str | None:
    """The one charset in which all reads as Cyrillic with capitals where they belong."""
    for charset in ("cp1251", "koi8-r"):
        text = _strict(data[:SAMPLE], charset)
        if text is None or not _CYRILLIC_TEXT.fullmatch(text) or _SWAPPED_CYRILLIC.search(text):
            continue
        if _CYRILLIC_WORD.search(text):
            return charset
    return None


def codec_of(name: str | None) -> str | None:
    """Python's name of a text codec for a charset as mails spell it, or None if there is none that is safe."""
    if not name or len(name) > 60 or not name.isascii():
        return None
    plain = name.strip("\"' \t").lower()
    try:
        found = codecs.lookup(_ALIASES.get(_NAME.sub("", plain), plain))
    except (LookupError, ValueError):
        return None
    if found.name in _REFUSED or not getattr(found, "_is_text_encoding", True):
        return None
    return _WIDER.get(found.name, found.name)


def clean(text: str) -> str:
    """Text that can be stored and shown: one kind of line end, no NUL or control characters, no lone surrogates."""
    if _SURROGATES.search(text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    text = _UNWANTED.sub("", _LINE_ENDS.sub("\n", text))
    return text.translate(_MEANT_BY_C1) if _C1.search(text) else text


def _strict(data: bytes, charset: str) -> str | None:
    try:
        return data.decode(charset)
    except (UnicodeError, ValueError):
        return None


def _with_dots(text: str, charset: str) -> str:
    """What Windows text has where ISO's charsets have a line end that nobody writes."""
    return text.replace("\x85", "…") if charset.startswith("iso8859") else text


def _cut_off(data: bytes, charset: str) -> Decoded | None:
    """Text whose last character was cut in two, as the mail was; None if anything else is wrong with it.

    That much must be there before it that it is this charset: whole characters which no single byte makes.
    """
    decoder = codecs.getincrementaldecoder(charset)()
    try:
        text = decoder.decode(data)
        begun = len(decoder.getstate()[0])
    except (UnicodeError, ValueError):
        return None
    if not begun or text.isascii() or len(text) >= len(data) - begun:
        return None
    return Decoded(text + _repaired(data[-begun:], "cp1252"), charset, is_as_declared=False)


def _repaired(data: bytes, charset: str) -> str:
    try:
        return data.decode(charset, REPAIR)
    except (UnicodeError, ValueError):
        return data.decode("latin-1")


def _share_of_bad_bytes(data: bytes, charset: str) -> float:
    try:
        return data.decode(charset, "replace").count("\ufffd") / max(1, len(data))
    except (UnicodeError, ValueError):
        return 1.0


def _detected(data: bytes) -> str | None:
    best = from_bytes(data[:SAMPLE], cp_isolation=_LIKELY).best()
    return codec_of(best.encoding) if best else None


def _keep_bad_bytes(error: UnicodeError) -> tuple[str, int]:
    """What cannot be decoded is read as Windows-1252, or Latin-1 where that has no character."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    bad = error.object[error.start : error.end]
    return "".join(_one(byte) for byte in bad), error.end


def _one(byte: int) -> str:
    try:
        return bytes((byte,)).decode("cp1252")
    except UnicodeDecodeError:
        return chr(byte)


codecs.register_error(REPAIR, _keep_bad_bytes)
