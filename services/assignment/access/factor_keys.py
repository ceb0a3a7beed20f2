"""The key behind second factors: it encrypts the secrets of authenticator apps and turns recovery codes into digests.

A copy of the database alone then neither makes codes nor lets recovery codes be tried out.
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
"""Of the digest that names the key a secret was encrypted with."""


@dataclass(frozen=True, slots=True)
class FactorKeys:
    """The newest key first; those before it still read what was written with them."""

    keys: Sequence[bytes]

    @classmethod
    def of(cls, settings: AssignmentSettings) -> Self:
        """Those of the settings, or one derived from the session secret."""
        given = settings.second_factor_keys
        texts = given.get_secret_value().split(",") if given else [settings.session_secret.get_secret_value()]
        return cls([hmac.digest(text.strip().encode(), b"second-factor", "sha256") for text in texts if text.strip()])

    def encrypt(self, agent_id: UUID, secret: bytes) -> bytes:
        """The secret, readable only with the key and only as this agent's."""
        key, nonce = self.keys[0], os.urandom(NONCE_BYTES)
        return _name_of(key) + nonce + AESGCM(key).encrypt(nonce, secret, agent_id.bytes)

    def decrypt(self, agent_id: UUID, stored: bytes) -> bytes | None:
        """The secret; None if no key of ours fits."""
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
        """What may be stored of a recovery code, for each key; the first is what is stored of a new one."""
        return [hmac.digest(key, b"recovery" + agent_id.bytes + code.encode(), "sha256") for key in self.keys]


def _name_of(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()[:NAME_BYTES]
