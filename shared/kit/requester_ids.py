"""Naming a requester without saying who it is: by a keyed digest of the address."""

import hashlib
import hmac
from uuid import UUID

from shared.kit.addresses import address_key
from shared.kit.settings import Settings


class RequesterIds:
    """Only who holds the link secret can tell whose id it is, by trying an address. All services hold it."""

    def __init__(self, settings: Settings) -> None:
        self._key = hashlib.sha256(b"requester\0" + settings.link_secret.get_secret_value().encode()).digest()

    def of(self, email: str) -> UUID:
        """The id of whoever has this address, in whatever case it is written."""
        return UUID(bytes=hmac.digest(self._key, address_key(email).encode(), "sha256")[:16])
