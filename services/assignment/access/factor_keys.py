"""Keys that encrypt TOTP secrets and make keyed digests of recovery codes.

A copy of the database alone then neither yields codes nor allows recovery codes to be guessed offline.
"""

import hashlib
import hmac
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.assignment.settings import AssignmentSettings

NONCE_BYTES = 12
NAME_BYTES = 4
"""Length of the digest that identifies the key a secret was encrypted with."""


@dataclass(frozen=True, slots=True)
class FactorKeys:
    """A key ring: the first key encrypts, all decrypt, so that keys can be rotated."""

    keys: Sequence[bytes]

    @classmethod
    def of(cls, settings: AssignmentSettings) -> Self:
        """The keys of the settings, or one derived from the session secret."""
        given = settings.second_factor_keys
        texts = given.get_secret_value().split(",") if given else [settings.session_secret.get_secret_value()]
        return cls([hmac.digest(text.strip().encode(), b"second-factor", "sha256") for text in texts if text.strip()])

    def encrypt(self, agent_id: UUID, secret: bytes) -> bytes:
        """Encrypts a secret, bound to the agent's id as associated data."""
        key, nonce = self.keys[0], os.urandom(NONCE_BYTES)
        return _name_of(key) + nonce + AESGCM(key).encrypt(nonce, secret, agent_id.bytes)

    def decrypt(self, agent_id: UUID, stored: bytes) -> bytes | None:
        """Decrypts a secret; None if no key of the ring fits."""
        name, nonce, content = (
            stored[:NAME_BYTES],
            stored[NAME_BYTES:][:NONCE_BYTES],
            stored[NAME_BYTES + NONCE_BYTES :],
        )
        for key in self.keys:
            if name == _name_of(key):
                try:
                    return AESGCM(key).decrypt(nonce, content, agent_id.bytes)
                except InvalidTag:
                    return None
        return None

    def digests(self, agent_id: UUID, code: str) -> list[bytes]:
        """Digests of a recovery code under each key; the first one is stored for new codes."""
        return [hmac.digest(key, b"recovery" + agent_id.bytes + code.encode(), "sha256") for key in self.keys]


def _name_of(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()[:NAME_BYTES]
