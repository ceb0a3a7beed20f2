"""Addresses inside signed tokens, encrypted: links stand in logs, histories and reports of mail programs."""

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from shared.kit.settings import Settings


class SealedAddresses:
    """Encrypts the addresses of one kind of token; the same address gives the same text, for a mail is written anew.

    AES-SIV (RFC 5297) may be used so: it needs no nonce, and two texts that are equal tell only that they are equal.
    """

    def __init__(self, settings: Settings, kind: str) -> None:
        secret = settings.link_secret.get_secret_value().encode()
        self._cipher = AESSIV(hashlib.sha512(f"sealed-address\0{kind}\0".encode() + secret).digest())

    def seal(self, address: str, about: bytes) -> str:
        """Returns the address encrypted and bound to what the token is about, in letters of base64."""
        return urlsafe_b64encode(self._cipher.encrypt(address.encode(), [about])).decode().rstrip("=")

    def open(self, sealed: str, about: bytes) -> str:
        """Returns the address. One that stands there plainly is from a token of an earlier release.

        Raises ValueError for anything that was not sealed here.
        """
        if "@" in sealed:
            return sealed
        try:
            data = urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))
            return self._cipher.decrypt(data, [about]).decode()
        except InvalidTag as error:
            raise ValueError("not sealed here") from error
