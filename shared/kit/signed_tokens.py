"""Signers of the tokens in mailed links: those of itsdangerous, without compression and made in half of the time."""

import hmac
import json
from typing import Any

from itsdangerous import Signer, URLSafeSerializer, URLSafeTimedSerializer
from itsdangerous.encoding import base64_encode
from itsdangerous.signer import SigningAlgorithm
from itsdangerous.url_safe import URLSafeSerializerMixin

_written = json.JSONEncoder(separators=(",", ":")).encode


class _HmacSha1(SigningAlgorithm):
    """The signature that itsdangerous makes if not told otherwise, by one call."""

    def get_signature(self, key: bytes, value: bytes) -> bytes:
        """Returns the signature of a value."""
        return hmac.digest(key, value, "sha1")


class _Uncompressed(URLSafeSerializerMixin):
    """Ids and encrypted addresses do not get shorter by compression, and trying takes a third of the time."""

    _own_signer: Signer | None = None

    def dump_payload(self, obj: Any) -> bytes:
        """Returns the payload as base64; what an earlier release compressed is still read."""
        return base64_encode(_written(obj))

    def make_signer(self, salt: str | bytes | None = None) -> Signer:
        """Returns the signer of its own salt, which has no state, once for all tokens."""
        if salt is not None:
            return super().make_signer(salt)
        if self._own_signer is None:
            signer = super().make_signer()
            signer.algorithm = _HmacSha1()
            signer.secret_keys = [signer.derive_key(one) for one in signer.secret_keys]
            signer.key_derivation = "none"  # of what is derived already, once for all tokens
            self._own_signer = signer
        return self._own_signer


class TokenSerializer(_Uncompressed, URLSafeSerializer):
    """Tokens that do not tell when they were signed: the same content gives the same token."""


class TimedTokenSerializer(_Uncompressed, URLSafeTimedSerializer):
    """Tokens that tell when they were signed."""
