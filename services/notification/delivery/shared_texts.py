"""Texts that are rendered once for all who are mailed the same thing: their mails differ by personal links alone."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from markupsafe import escape

from services.notification.delivery.mime import Part

KEPT = 64
"""Texts that are kept: mails of one event are written shortly after each other, a few events at a time."""
LONGEST_KEPT = 20_000
"""Characters of a page."""
_RANDOM = secrets.token_hex(16)
_TICKET, _PREFERENCES = f"ticket{_RANDOM}", f"preferences{_RANDOM}"
"""Marks in the texts where the links come. Nobody can write them: they are random and leave the process in no mail."""


@dataclass(frozen=True, slots=True)
class PersonalLinks:
    """The links of one recipient; empty where the mail has none."""

    ticket: str
    preferences: str

    @property
    def marked(self) -> "PersonalLinks":
        """Returns marks where there are links."""
        return PersonalLinks(_TICKET if self.ticket else "", _PREFERENCES if self.preferences else "")


class MailTexts:
    """Subject, text and HTML of a mail as they were rendered, encoded but for the lines with marks."""

    def __init__(self, subject: str, text: str, page: str) -> None:
        self.subject = subject
        self.is_kept = len(page) <= LONGEST_KEPT
        self._plain = Part("plain", text, _RANDOM)
        self._page = Part("html", page, _RANDOM)

    def parts(self, links: PersonalLinks) -> tuple[str, str]:
        """Returns text and HTML as parts of the mail to whoever these links are for."""
        values = {_TICKET: links.ticket, _PREFERENCES: links.preferences}
        return self._plain.filled(values), self._page.filled({mark: escape(link) for mark, link in values.items()})


class KeptTexts:
    """The texts that were rendered last, each with all that it was rendered from."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], tuple[object, MailTexts]] = {}

    def get(self, about: tuple[str, str], made_of: object, render: Callable[[], MailTexts]) -> MailTexts:
        """Returns the texts about something, rendered anew unless those kept were made of the same."""
        known = self._kept.get(about)
        if known is not None and known[0] == made_of:
            return known[1]
        texts = render()
        self._kept.pop(about, None)
        if texts.is_kept:
            self._kept[about] = made_of, texts
            if len(self._kept) > KEPT:
                del self._kept[next(iter(self._kept))]
        return texts
