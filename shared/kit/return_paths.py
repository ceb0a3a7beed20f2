"""Envelope senders of outgoing mails: a report that comes back to one proves that the mail itself was delivered there.

A Message-ID is no secret: answers and quotations repeat it to whoever they go to. The envelope sender stands in no
field that mail programs pass on; only servers that carried the very mail, and its reader, have seen it.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable

from shared.kit.settings import MailingSettings

TOKEN_BYTES = 10
"""Guessing takes a mail for each try: 80 bits are plenty."""
MARK = "bounce-"
"""What stands between the plus of the address and the token."""
LONGEST_MAILBOX = 64
"""Characters before the @ (RFC 5321)."""
_TOKEN = re.compile(rf"\+{MARK}([a-z2-7]{{16}})@")


def is_return_path(address: str) -> bool:
    """Whether an address looks like an envelope sender of ours; it says nothing else, such as a topic."""
    return _TOKEN.search(address.lower()) is not None


class ReturnPaths:
    """Makes and checks envelope senders such as `support+bounce-<token>@example.org`, one for each mail.

    Only lower-case letters and digits are used, for some servers change the case of what they pass on.
    """

    def __init__(self, settings: MailingSettings) -> None:
        self._address = settings.mail_address
        self._key = hashlib.sha256(b"return-path\0" + settings.link_secret.get_secret_value().encode()).digest()

    def sender_of(self, message_id: str) -> str:
        """The envelope sender of a mail; the plain address of ours where one with a token would be too long."""
        mailbox, _, domain = self._address.rpartition("@")
        named = f"{mailbox}+{MARK}{self._token(message_id)}"
        return f"{named}@{domain}" if len(named) <= LONGEST_MAILBOX else self._address

    def is_proved(self, message_id: str, recipients: Iterable[str]) -> bool:
        """Whether a mail to these addresses came to the envelope sender of the mail with this Message-ID."""
        expected = self._token(message_id)
        found = (_TOKEN.search(address.lower()) for address in recipients)
        return any(hmac.compare_digest(one[1], expected) for one in found if one is not None)

    def _token(self, message_id: str) -> str:
        """Of what stands before the @: some servers rewrite the domain."""
        name = message_id.strip().strip("<>").lower().partition("@")[0]
        digest = hmac.digest(self._key, name.encode(), "sha256")[:TOKEN_BYTES]
        return base64.b32encode(digest).decode().lower()
