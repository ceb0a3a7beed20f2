"""Parser of the search language: words, phrases, exclusions, prefixes, and operators such as `is:open`.

refund "card declined" -test pay* is:open team:payments assignee:me tag:vip due:<2h priority:urgent from:ada@x.example
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from enum import StrEnum
from typing import Final
from unicodedata import normalize

from shared.contracts.vocabulary import Channel, Priority, Status
from shared.kit.http.problems import Problem
from shared.kit.ticket_numbers import whole_number

MOST_TERMS = 12
MOST_DAYS = 3650
_TOKEN = re.compile(r'-?(?:[A-Za-z_]+:)?(?:"[^"]*"?|[^\s"]+)+')
_KEYED = re.compile(r"([A-Za-z_]+):(?!//)(.+)", re.DOTALL)
_MARKED_NUMBER = re.compile(r"[\[(]?#([0-9A-Za-z-]{1,32})[\])]?[.,:;!?]?")
_SPAN = re.compile(r"([<>])?\s*(\d{1,5})(m|min|h|d|w)")
_UNITS: Final = {"m": "minutes", "min": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Key(StrEnum):
    """The tokens there are."""

    IS = "is"
    STATUS = "status"
    TEAM = "team"
    ASSIGNEE = "assignee"
    PRIORITY = "priority"
    TOPIC = "topic"
    TAG = "tag"
    CHANNEL = "channel"
    DUE = "due"
    FROM = "from"
    PARENT = "parent"


class Kind(StrEnum):
    """How a term is looked for."""

    WORD = "word"
    PHRASE = "phrase"
    PREFIX = "prefix"


FOLLOWED: Final = ("following", "mentioned")
FAMILY: Final = ("incident", "child")
STATES: Final = ("overdue", "unassigned", "assigned", *FOLLOWED, *FAMILY)
"""What `is:` takes beside the statuses."""
DUE_WORDS: Final = ("overdue", "today", "none")
FIXED: Final[Mapping[Key, tuple[str, ...]]] = {
    Key.IS: (*(one.value for one in Status), *STATES),
    Key.STATUS: tuple(one.value for one in Status),
    Key.PRIORITY: tuple(one.value for one in Priority),
    Key.CHANNEL: tuple(one.value for one in Channel),
}
"""The values of the tokens that take only certain ones."""


@dataclass(frozen=True, slots=True)
class Term:
    """Something that a ticket's words must hold, or must not."""

    text: str
    kind: Kind = Kind.WORD
    is_excluded: bool = False


@dataclass(frozen=True, slots=True)
class Token:
    """A `key:value`, where it begins, and whether it excludes."""

    key: Key
    value: str
    position: int
    is_excluded: bool = False

    @property
    def written(self) -> str:
        """As it was typed."""
        return f"{'-' if self.is_excluded else ''}{self.key.value}:{self.value}"


@dataclass(frozen=True, slots=True)
class Due:
    """The instants between which a ticket's next clock is due; `is_never`: none runs."""

    before: datetime | None = None
    after: datetime | None = None
    is_never: bool = False


@dataclass(frozen=True, slots=True)
class SearchText:
    """A search as it was understood."""

    terms: tuple[Term, ...] = ()
    tokens: tuple[Token, ...] = ()


class SearchProblem(Problem):
    """A token that means nothing: says which, where, and what would."""

    def __init__(self, written: str, position: int, detail: str) -> None:
        shown = written if len(written) <= 64 else written[:64] + "…"
        said = f"`{shown}`, at character {position + 1}: {detail}"
        super().__init__(
            422, "invalid_search", said, errors=[{"pointer": "query:q", "detail": said, "position": str(position)}]
        )


def parse_search(text: str) -> SearchText:
    """The terms and tokens of a search. Raises SearchProblem at the first token that means nothing."""
    plain = normalize("NFKC", text).strip()
    if number := whole_number(plain):
        return SearchText((Term(number),))
    terms: list[Term] = []
    tokens: list[Token] = []
    for match in _TOKEN.finditer(plain):
        one = _read(match[0], match.start())
        if isinstance(one, Token):
            tokens.append(one)
        elif one is not None:
            terms.append(one)
    if len(terms) + len(tokens) > MOST_TERMS:
        raise SearchProblem(plain, 0, f"a search takes {MOST_TERMS} words and filters at most")
    return SearchText(tuple(terms), tuple(tokens))


def _read(written: str, position: int) -> Term | Token | None:
    is_excluded = len(written) > 1 and written.startswith("-")
    body = written[1:] if is_excluded else written
    if body.startswith('"'):
        phrase = body.replace('"', " ").strip()
        return Term(phrase, Kind.PHRASE, is_excluded) if phrase else None
    if keyed := _KEYED.fullmatch(body):
        return _token(keyed[1], keyed[2].replace('"', "").strip(), position, is_excluded=is_excluded)
    if re.fullmatch(r"[A-Za-z_]+:", body) and body[:-1].lower() in set(Key):
        raise SearchProblem(written, position, "say what to look for after the colon")
    if marked := _MARKED_NUMBER.fullmatch(body):
        return Term(marked[1], Kind.WORD, is_excluded)
    word = body.replace('"', " ").strip()
    if word.endswith("*") and word.strip("*"):
        return Term(word.strip("*"), Kind.PREFIX, is_excluded)
    return Term(word, Kind.WORD, is_excluded) if word else None


def _token(name: str, value: str, position: int, *, is_excluded: bool) -> Token:
    key = name.lower()
    if key not in set(Key):
        near = get_close_matches(key, [one.value for one in Key], 1, 0.6)
        hint = f"did you mean `{near[0]}:`? " if near else ""
        known = ", ".join(f"{one.value}:" for one in Key)
        detail = f"there is no filter of this name; {hint}known: {known}; put it in quotes to look for the words"
        raise SearchProblem(f"{name}:{value}", position, detail)
    token = Token(Key(key), value, position, is_excluded)
    if not value:
        raise SearchProblem(token.written, position, "say what to look for after the colon")
    if token.key in FIXED and value.lower() not in FIXED[token.key]:
        raise SearchProblem(token.written, position, f"known: {', '.join(FIXED[token.key])}")
    return Token(token.key, value.lower(), position, is_excluded) if token.key in FIXED else token


def unknown_name(token: Token, names: Iterator[str] | list[str]) -> SearchProblem:
    """The answer to a team, topic or agent that does not exist."""
    near = get_close_matches(token.value.lower(), list(names), 1, 0.6)
    detail = f"there is no such {'agent' if token.key is Key.ASSIGNEE else token.key.value}"
    return SearchProblem(token.written, token.position, f"{detail}; did you mean `{near[0]}`?" if near else detail)


def read_due(value: str, now: datetime) -> Due | None:
    """What a value of `due:` means now; None if it means nothing."""
    word = value.strip().lower()
    match word:
        case "overdue":
            return Due(before=now)
        case "today":
            return Due(before=now + timedelta(hours=24))
        case "none":
            return Due(is_never=True)
    if not (span := _SPAN.fullmatch(word)):
        return None
    length = timedelta(**{_UNITS[span[3]]: int(span[2])})
    if length > timedelta(days=MOST_DAYS):
        return None
    at = now.astimezone(UTC) + length
    return Due(after=at) if span[1] == ">" else Due(before=at)


def due_of(token: Token, now: datetime) -> Due:
    """What a token `due:` means now. Raises SearchProblem."""
    if (due := read_due(token.value, now)) is None:
        raise SearchProblem(token.written, token.position, f"write due:<2h, due:>3d or one of {', '.join(DUE_WORDS)}")
    return due
