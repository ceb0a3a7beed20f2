"""How fast mails of one sender are worked on: the first few at once, then at a pace, so that nobody else is slowed.

Counted in this process: several together are as many times faster.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from shared.kit.http.rate_limits import MAX_CALLERS

GUESTS_OF_A_MAIL: Final = 2
"""So many people whom a mail names in copy cost as much as another mail: each is told to the other services."""


@dataclass(frozen=True, slots=True)
class PacedMail:
    """Whose pace a mail is held to."""

    mailbox: str
    """Without the tags and spellings that lead to the same mailbox."""
    origin: str
    """The network of the client that delivered it, or the mailbox it was fetched from."""

    @property
    def domain(self) -> str:
        """Of the mailbox."""
        return self.mailbox.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class _Share:
    """So many at once, then so many for one of a mailbox."""

    first: int
    times: int


OF_MAILBOX: Final = _Share(first=5, times=1)
OF_DOMAIN: Final = _Share(first=20, times=4)
"""Of the mailboxes of one domain that one client delivers for."""
OF_ORIGIN: Final = _Share(first=40, times=8)
"""Of one client: a company's relay delivers for everybody."""


class SenderPace:
    """Remembers of each mailbox, domain and client at which instant nothing of its pace is used up any more."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        """`seconds` lie between two mails of one mailbox, once the first few are through; none for 0."""
        self._seconds = seconds
        self._clock = clock
        self._free_at: dict[str, float] = {}

    def wait_of(self, mail: PacedMail) -> float:
        """Seconds until the mail may be begun; 0 if it may be now."""
        now, wait = self._clock(), 0.0
        for caller, share in self._shares(mail):
            at_once = (share.first - 1) * self._each(share)
            wait = max(wait, self._free_at.get(caller, 0.0) - now - at_once)
        return wait

    def count(self, mail: PacedMail, mails: float = 1.0) -> None:
        """Takes one mail, or what counts as several, from the pace of those who sent it."""
        now = self._clock()
        if len(self._free_at) >= MAX_CALLERS:
            self._free_at = {caller: at for caller, at in self._free_at.items() if at > now}
        for caller, share in self._shares(mail):
            if caller in self._free_at or len(self._free_at) < MAX_CALLERS:
                self._free_at[caller] = max(self._free_at.get(caller, now), now) + mails * self._each(share)

    def count_guests(self, mail: PacedMail, guests: int) -> None:
        """Takes the people whom a mail brought into its ticket."""
        self.count(mail, guests / GUESTS_OF_A_MAIL)

    def _each(self, share: _Share) -> float:
        return self._seconds / share.times

    def _shares(self, mail: PacedMail) -> Iterator[tuple[str, _Share]]:
        if not self._seconds:
            return
        yield f"mailbox {mail.mailbox}", OF_MAILBOX
        yield f"domain {mail.domain} {mail.origin}", OF_DOMAIN
        yield f"origin {mail.origin}", OF_ORIGIN
