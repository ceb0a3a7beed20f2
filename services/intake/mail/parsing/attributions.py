"""Lines such as `On 1 March 2011 at 9:30, Dana Ruiz wrote:`, as mail programs of many languages write them."""

# ruff: noqa: RUF001 - letters of other alphabets that look like Latin ones are meant

import re

WROTE = (
    r"wrote|writes|schrieb\w*|geschrieben|a écrit|escribi[óo]|ha escrit|va escriure|escreveu|ha scritto|schreef|"
    r"geschreven|skrev|skrifaði|napsala?(?:\(a\))?|napísala?(?:\(a\))?|napisała?(?:\(a\))?|napisana przez|pisze|"
    r"napisao(?: je)?|napisala|kirjoitti|kirjutas|rašė|rakstīja|написала?(?:\(а\))?|пишет|пише|"
    r"написав|написа|написал[аи]?|írta|a scris|yazdı|έγραψε|viết|menulis|כתב\w*|كتب|เขียน\w*|写道|寫道|"
    r"のメッセージ|のメール|さんは書きました|님이 작성|작성|님이 쓴 글"
)
"""What the writer of a quote did, in the words of mail programs."""
_FIRST_PERSON = re.compile(
    r"\b(?:i|we) (?:also )?(?:wrote|writes)|\b(?:ich|wir) schrieb|schrieb(?:en)? (?:ich|wir)\b|\bj'ai écrit|"
    r"nous avons écrit|\bho scritto|\bescribí\b|\bescrevi\b|\b(?:jag|jeg|vi) skrev|skrev (?:jag|jeg|vi)\b|\bik schreef",
    re.IGNORECASE,
)
_OPENERS = frozenset({
    *("on", "in", "am", "le", "el", "il", "em", "op", "den", "dne", "dňa", "dnia", "w", "v", "ve", "u", "pe", "data"),
    *("στις", "vào", "pada", "na", "на", "від", "а", "a", "no", "kl", "i", "på", "del", "de", "da", "dana", "date"),
    *("datum", "ב", "في", "в", "у", "o", "klo", "ngày", "tanggal", "在", "於", "于"),
})  # fmt: skip
_WEEKDAYS = re.compile(
    r"(?:mon|tue|tues|wed|thu|thur|thurs|fri|sat|sun|\w+day|mo|di|mi|do|fr|sa|so|\w+tag|mittwoch|sonnabend|"
    r"lun|mar|mer|jeu|ven|sam|dim|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|lunes|martes|mié|miércoles|jue|"
    r"jueves|vie|viernes|sáb|sábado|dom|domingo|gio|sab|lunedì|martedì|mercoledì|giovedì|venerdì|sabato|domenica|"
    r"seg|ter|qua|qui|sex|segunda|terça|quarta|quinta|sexta|\w+-feira|ma|wo|vr|za|zo|maandag|dinsdag|woensdag|"
    r"donderdag|vrijdag|zaterdag|zondag|pon|wt|śr|czw|pt|sob|niedz|nd|\w+ek|środa|sobota|niedziela|po|út|st|čt|pá|ne|"
    r"ut|št|pi|so|neděle|nedeľa|man|tir|ons|tor|tors|fre|lør|søn|lör|sön|mån|tis|\w+dag|ti|ke|to|pe|la|su|\w+tai|"
    r"keskiviikkona|\w+taina|пн|вт|ср|чт|пт|сб|вс|нд|понедельник|вторник|среда|четверг|пятница|суббота|воскресенье|"
    r"понеділок|вівторок|середа|четвер|пʼятниця|п'ятниця|субота|неділя|\w{2,9}day|pzt|sal|çar|per|cum|cmt|paz|joi|vin|"
    r"dum|luni|marți|miercuri|vineri|sâmbătă|duminică|hétfő|kedd|szerda|csütörtök|péntek|szombat|vasárnap|τρί|δευ|"
    r"uto|sri|čet|pet|ned|dt|dc|dj|dv|ds|dg|dl|sel|rab|kam|jum|min|sen)[.,:]{0,2}",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"[^\s<>@()\[\]]{1,64}@[^\s<>@()\[\]]{3,}")
_TIME = re.compile(r"(?<!\d)\d{1,2}(?:[:.]\d{2}|[ ]?(?:h|Uhr)[ ]?\d{0,2})(?![\d.])")
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d{2}(?!\d)|(?<!\d)\d{1,2}[./-]\s?\d{1,2}[./-]\s?\d{2}(?!\d)")
_COLON = re.compile(r"(?:[:：]|-{3,})[\s*_‬‏\]\"'>]{0,6}$")
_WROTE = re.compile(rf"(?<!\w)(?:{WROTE})|(?:写道|寫道|작성|のメッセージ|のメール)", re.IGNORECASE)
_YOU_WROTE = re.compile(r"\d{4}.{0,20} you wrote:\W{0,3}$", re.IGNORECASE)
_LEAD = re.compile(r"^[\s*_\-‐–—|\"'(\[\u200e\u200f]{0,12}")
_NAMED = re.compile(r"^[^<>@\d:：!?]{0,80}[<(\[\"']{0,3}(?:mailto:)?[^\s<>@()\[\]]{1,64}@[^\s<>@()\[\]]{3,}")
_QUOTING = re.compile(
    r"^(?:quoting|zitat von|citeren|citando|citation de|quoth|cytowanie|idézet)\s.{2,120}[:：]\s*$", re.IGNORECASE
)
_SENTENCE_END = re.compile(r"[.!?。！？…][\"')\]]{0,2}\s{1,4}(?=[^\W_])|[。！？]")
_PARTING = re.compile(r"[.!?。！？…)][\"')\]]{0,2}[ \t]{1,4}")
_NUMBER = re.compile(r"\d+")
_MOST = 800
_PREFIX_WORDS = 5
_WORDS = 26
_BARE_WORDS = 8


def is_full_attribution(line: str) -> bool:
    """Whether it reads `On 1 March 2011 at 9:30, Dana Ruiz wrote:` or `2014-03-20 8:48 Dana Ruiz <dana@bank.example>:`.

    That is more than people write who report what somebody wrote.
    """
    plain = _LEAD.sub("", line[:_MOST])
    if not _COLON.search(plain) or len(_ADDRESS.sub("", plain).split()) > _WORDS or _FIRST_PERSON.search(plain):
        return False
    has_year, has_time = _YEAR.search(plain) is not None, _TIME.search(plain) is not None
    address = _ADDRESS.search(plain)
    says_so = _WROTE.search(plain) is not None
    if says_so and address is not None and _NAMED.match(plain) and not has_year and not has_time:
        return len(_ADDRESS.sub("", plain).split()) <= _BARE_WORDS
    if not has_year and not (has_time and says_so and address):
        return False
    if _opens_with_date(plain):
        enough = (says_so and (has_time or address is not None)) or (has_time and address is not None)
        return enough or _YOU_WROTE.search(plain) is not None
    if _prefix_words(plain) <= _PREFIX_WORDS - 1 and has_time and address is not None:
        return True
    return address is not None and _NAMED.match(plain) is not None and (says_so or has_time)


def is_attribution(line: str) -> bool:
    """Whether it announces a quote, if one follows at once: `On Tuesday, Dana Ruiz wrote:` will do."""
    plain = _LEAD.sub("", line[:_MOST])
    is_opened = _opens_with_date(plain) or _NAMED.match(plain) is not None
    says_so = _WROTE.search(plain) is not None or (_NAMED.match(plain) is not None and len(plain.split()) <= 8)
    ends = _COLON.search(plain) is not None and len(plain.split()) <= _WORDS and not _FIRST_PERSON.search(plain)
    return is_full_attribution(line) or (ends and is_opened and says_so) or is_short_attribution(line)


def is_short_attribution(line: str) -> bool:
    """Whether it is as short as `Dana Ruiz wrote:`."""
    if len(line) > 160 or _COLON.search(line) is None or _FIRST_PERSON.search(line):
        return False
    return _QUOTING.match(line.strip()) is not None or (
        _WROTE.search(line) is not None and len(line.split()) <= 10 and not _SENTENCE_END.search(_LEAD.sub("", line))
    )


def is_opening(line: str) -> bool:
    """Whether an attribution of several lines may begin with this one: `On Tue, 1 March 2011, Dana Ruiz`."""
    plain = _LEAD.sub("", line[:400]).rstrip()
    if not plain or plain[-1] in ".!?":
        return False
    return (_opens_with_date(plain) and _YEAR.search(plain) is not None) or (
        _NAMED.match(plain) is not None and len(plain.split()) <= _PREFIX_WORDS + 1
    )


def parting(line: str) -> int | None:
    """Where an attribution begins that stands behind somebody's own words on one line; None if none does."""
    for found in list(_PARTING.finditer(line[:_MOST]))[:20]:
        head, rest = line[: found.end()].split(), line[found.end() : _MOST]
        first = rest.partition(" ")[0]
        is_begun = len(head) <= 2 and _is_before_dates(head[0])
        number = _NUMBER.search(rest[:80])
        is_begun = is_begun or number is None or len(number[0]) == 4
        if not is_begun and _is_before_dates(first) and _opens_with_date(rest) and _YEAR.search(rest[:160]):
            return found.end()
    return None


def _is_before_dates(word: str) -> bool:
    return word.strip(".,:;").casefold() in _OPENERS or _WEEKDAYS.fullmatch(word) is not None


def _opens_with_date(plain: str) -> bool:
    """Whether a date comes first, behind a few words of the kind that come before dates."""
    if not plain:
        return False
    at = next((number for number, letter in enumerate(plain[:60]) if letter.isdigit()), None)
    if at is None:
        return False
    words = plain[:at].split()
    if not words:
        return True
    first = words[0].strip(".,:;").casefold()
    is_known = _is_before_dates(words[0]) or (not first.isascii() and len(first) <= 3)
    is_month = (
        len(words) == 1 and 3 <= len(first) <= 10 and plain[:1].isupper() and _YEAR.search(plain[:30]) is not None
    )
    return (is_known or is_month) and len(words) <= _PREFIX_WORDS and not _SENTENCE_END.search(_undotted(plain[:at]))


def _prefix_words(plain: str) -> int:
    at = next((number for number, letter in enumerate(plain[:80]) if letter.isdigit()), 80)
    return len(plain[:at].split())


def _undotted(text: str) -> str:
    """Without the dots behind short words: `Di.`, `mar.`"""
    return re.sub(r"(?<=\w)\.", "", text)
