"""Errors of mail delivery, by how the sender reacts."""


class MailServerAway(Exception):
    """No usable connection. No mail was accepted, and no attempt is counted."""


class MailRefused(Exception):
    """The server refused this mail; `is_permanent` for a 5xx answer that a retry cannot change."""

    def __init__(self, reason: str, *, is_permanent: bool) -> None:
        super().__init__(reason)
        self.reason, self.is_permanent = reason, is_permanent
