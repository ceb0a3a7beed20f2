"""Tells a mail at which the server ends the connection from a server that ends every connection."""

from dataclasses import dataclass, field
from uuid import UUID

ITS_DOING = 3
"""Losses between which the server took other mails."""
MOST = 1_000
"""Mails that are remembered; beyond that it is certainly the server."""


@dataclass
class LostMails:
    """Counts for each mail how often the connection ended while it was handed over.

    Only losses count between which other mails were answered: of a server that is going down no mail is to blame.
    """

    _answered: int = 0
    _losses: dict[UUID, tuple[int, int]] = field(default_factory=dict)

    def is_its_doing(self, mail_id: UUID) -> bool:
        """Notes that the connection ended at a mail; True if that mail must be why."""
        count, at = self._losses.get(mail_id, (0, -1))
        count += at != self._answered
        if count >= ITS_DOING:
            return True
        if len(self._losses) >= MOST:
            self._losses.clear()
        self._losses[mail_id] = (count, self._answered)
        return False

    def forget(self, mail_id: UUID) -> None:
        """Notes that a mail was answered, with whatever."""
        self._answered += 1
        self._losses.pop(mail_id, None)
