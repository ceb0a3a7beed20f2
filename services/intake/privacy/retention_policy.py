"""For how long personal data is kept: decided by settings, carried out by `retention`."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """None = for ever."""

    tickets: timedelta | None
    """What people wrote on a ticket, from the day it was archived."""
    mails: timedelta | None
    """Mails as they arrived, from the day they came."""
