"""Errors of mail delivery, by how the sender reacts."""


class MailServerAway(Exception):
    """No usable connection. No mail was accepted, and no attempt is counted."""


class MailConnectionLost(MailServerAway):
    """The server ended the connection (also: 421) while it was handed a mail, mostly not because of that mail."""


class MailRefused(Exception):
    """This mail was not taken; `is_permanent` for a 5xx answer that a retry cannot change.

    `is_answer`: the server said so, rather than nothing.
    """

    def __init__(self, reason: str, *, is_permanent: bool, is_answer: bool = True) -> None:
        super().__init__(reason)
        self.reason, self.is_permanent, self.is_answer = reason, is_permanent, is_answer


class MailWithheld(Exception):
    """The mail was handed over without its end, so that the server does not take it; the connection is closed."""
