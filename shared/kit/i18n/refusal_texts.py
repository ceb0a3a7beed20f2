"""Refusals of the API in the reader's language.

Refusals are worded where they are raised, in English, because programs log them. Pages show the same sentences:
patterns find what a sentence says, and it is translated with its values. A sentence without a pattern stays English.
"""

import re
from collections.abc import Sequence
from functools import cached_property

from shared.kit.i18n.languages import ENGLISH, current_language
from shared.kit.i18n.messages import gettext
from shared.kit.i18n.messages import marked as _

COMMON = (
    _("must not be blank"),
    _("must not contain the NUL character"),
    _("must not contain unpaired surrogates"),
    _("must not contain line breaks or control characters"),
    _("must be at most %(size)s KiB"),
    _("has too many control characters to be carried; shorten it"),
    _("String should have at most %(count)s characters"),
    _("An address with characters beyond ASCII before the @ is not served here."),
    _("more than %(count)s requests a minute; try again in %(seconds)s s"),
    _("more than %(count)s requests an hour; try again in %(seconds)s s"),
    _("more than %(count)s requests in %(window)s s; try again in %(seconds)s s"),
    _(
        "is too large to be carried: with all that belongs to it %(size)s KiB, and at most %(most)s KiB can be; "
        "shorten it"
    ),
)
"""Of inputs and budgets that every service checks alike."""
OF_SUBMISSIONS = (
    _("requests from this requester are not accepted"),
    _("no file can be taken just now; send your text without, and files later"),
    _("%(name)s is larger than %(size)s MiB"),
    _("%(name)s is a kind of file that is not accepted here; send it another way"),
    _("a ticket holds at most %(files)s files and %(size)s MiB; leave some out"),
    _("files cannot be kept at the moment; try again soon"),
    _("what was written on this ticket was erased; open a new one"),
    _("is required"),
    _("is too long: all fields together hold at most %(size)s KiB"),
    _("must be one of its choices: %(choices)s"),
    _("must be a list of its choices: %(choices)s"),
    _("must be ticked"),
    _("must be true or false"),
    _("must be a date, YYYY-MM-DD"),
    _("must be a date, YYYY-MM-DD not below %(low)s"),
    _("must be a date, YYYY-MM-DD not above %(high)s"),
    _("must be a date, YYYY-MM-DD from %(low)s to %(high)s"),
    _("must be a number"),
    _("must be a number not below %(low)s"),
    _("must be a number not above %(high)s"),
    _("must be a number from %(low)s to %(high)s"),
    _("must be a whole number"),
    _("must be a whole number not below %(low)s"),
    _("must be a whole number not above %(high)s"),
    _("must be a whole number from %(low)s to %(high)s"),
    _("must be one line of at most %(count)s characters"),
    _("must be text of at most %(count)s characters"),
    _("must be an e-mail address, like name@example.com"),
    _("must be a telephone number of digits, like +49 30 1234567"),
    _("must be one file"),
    _("must be at most %(count)s files"),
    _("is not a file you have uploaded and not used yet"),
)
"""Of tickets that requesters open in the support centre, and agents for them on the desk: intake checks both."""
PARTS = frozenset({"sentence", "state"})
"""Names of placeholders whose value has a pattern of its own, and is translated too."""
_PLACEHOLDER = re.compile(r"%\((\w+)\)s")


class RefusalTexts:
    """The translations of sentences that have a pattern; the first pattern that fits counts."""

    def __init__(self, messages: Sequence[str], beginnings: Sequence[str] = ()) -> None:
        """Takes messages as the catalogue has them, with `%(name)s` where a value stands.

        A sentence that begins with one of `beginnings` and goes on after a comma or colon is told without its end.
        """
        self._messages, self._beginnings = messages, beginnings

    def find(self, sentence: str) -> tuple[str, dict[str, str]] | None:
        """Returns the message of a sentence and the values in it; None where no pattern fits."""
        for pattern, message in self._patterns:
            if found := pattern.fullmatch(sentence):
                return message, found.groupdict()
        return None

    def text_of(self, sentence: str) -> str:
        """Returns the sentence in the current language; one without a pattern stays as it is."""
        if current_language() is ENGLISH or (found := self.find(sentence)) is None:
            return sentence
        message, values = found
        for name in PARTS & values.keys():
            values[name] = self.text_of(values[name])
        return gettext(message, **values)

    @cached_property
    def _patterns(self) -> tuple[tuple[re.Pattern[str], str], ...]:
        begun = ((re.compile(rf"{re.escape(text)}([,:] .*)?", re.DOTALL), text) for text in self._beginnings)
        return (*begun, *((_pattern(message), message) for message in self._messages))


def _pattern(message: str) -> re.Pattern[str]:
    parts = _PLACEHOLDER.split(message)
    texts = [f"(?P<{part}>.+?)" if position % 2 else re.escape(part) for position, part in enumerate(parts)]
    return re.compile("".join(texts), re.DOTALL)
