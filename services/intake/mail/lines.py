"""Lines of a mail's text, and what is known of each before its words are looked at."""

import re
from dataclasses import dataclass
from enum import Enum, auto

_QUOTED = re.compile(r"[ \t]{0,8}>(?!:\s*$)")


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
class Line:
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
