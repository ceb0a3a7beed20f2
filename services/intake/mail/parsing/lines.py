"""Lines of a mail's text, what is known of each before its words are looked at, and how a mail is to be cut."""

# ruff: noqa: RUF001 - punctuation of other scripts is meant

import re
from dataclasses import dataclass
from enum import Enum, auto

from services.intake.mail.parsing.attributions import WROTE

_QUOTED = re.compile(r"[ \t]{0,8}>(?!\s{0,3}" + rf"(?:{WROTE})?\s?[:：]\s*$)", re.IGNORECASE)


class Mark(Enum):
    """What is known of a line from where it stands, not from its words."""

    NONE = auto()
    QUOTE = auto()
    """Part of what is answered."""
    ATTRIBUTION = auto()
    """Says who wrote the quote below."""
    SIGNATURE = auto()
    END = auto()
    """From here on nothing is the writer's own."""


@dataclass(frozen=True, slots=True)
class MailLine:
    """One line of a mail's text."""

    text: str
    mark: Mark = Mark.NONE

    @property
    def is_blank(self) -> bool:
        """Whether nothing is written on it."""
        return not self.text.strip() and self.mark is not Mark.END

    @property
    def is_quote(self) -> bool:
        """Whether it belongs to a quote."""
        return self.mark is Mark.QUOTE or (self.mark is Mark.NONE and _QUOTED.match(self.text) is not None)


@dataclass(frozen=True, slots=True)
class Cutting:
    """How a mail is to be cut."""

    is_opening: bool = False
    """It opens a ticket: nobody has read any of it, so only what is proven to be no news is folded away."""
    signer: frozenset[str] = frozenset()
    """Words of the writer's name and address in lower case; empty if not known."""


ANSWER = Cutting()
"""What is cut as an answer by nobody in particular."""


def signer_of(name: str, address: str) -> frozenset[str]:
    """The words by which a writer may sign."""
    words = re.findall(r"[^\W\d_]{2,40}", f"{name} {address.partition('@')[0]}"[:300].casefold())
    return frozenset(words)
