"""What can go wrong on the way to a mailbox, by what must be done about it."""


class MailServerAway(Exception):
    """No usable connection. Nothing was handed over; every mail keeps its place and counts no attempt."""


class MailRefused(Exception):
    """The server answered no for this mail; `is_permanent` if asking again cannot help."""

    def __init__(self, reason: str, *, is_permanent: bool) -> None:
        super().__init__(reason)
        self.reason, self.is_permanent = reason, is_permanent
