"""Verifies an ID token (OpenID Connect Core, section 3.1.3.7)."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey

from services.assignment.identity_provider.refusal import SignOnRefused

Claims = Mapping[str, Any]
VerifyingKey = RSAKey | ECKey | OKPKey
LEEWAY = timedelta(seconds=60)
"""Of clocks that are not quite the same."""
OLDEST = timedelta(minutes=15)
"""A token is made for a sign-in that takes ten minutes at most."""
MAX_TOKEN = 64 * 1024
LEAST_RSA_BITS = 2048
MAX_SUBJECT = 255
MAX_INSTANT = 2**53
KEY_TYPES: Mapping[str, tuple[str, str | None]] = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), ("RSA", None)),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"),
    "Ed25519": ("OKP", "Ed25519"),
}
"""Every signature that is accepted, with the key it takes: none is made with a secret that we hold too."""
HASHES = {"256": "sha256", "384": "sha384", "512": "sha512", "EdDSA": "sha512"}


class UnknownKey(Exception):
    """The token is signed with a key that the provider has not told us of: it may have new ones."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token must say to be for this sign-in."""

    issuer: str
    client_id: str
    nonce: str
    now: datetime
    access_token: str = ""


def read_keys(document: Any) -> list[VerifyingKey]:
    """The keys of a JWKS that signatures can be checked with; others are left out, secrets above all."""
    found: list[VerifyingKey] = []
    listed = document.get("keys") if isinstance(document, Mapping) else None
    for given in listed if isinstance(listed, list) else []:
        if not isinstance(given, Mapping) or given.get("kty") not in ("RSA", "EC", "OKP"):
            continue
        if given.get("use", "sig") != "sig" or "verify" not in given.get("key_ops", ["verify"]):
            continue
        try:
            key = KeySet.import_key_set({"keys": [dict(given)]}).keys[0]
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        if isinstance(key, RSAKey | ECKey | OKPKey) and not _is_short(key):
            found.append(key)
    return found


def _is_short(key: VerifyingKey) -> bool:
    return isinstance(key, RSAKey) and key.public_key.key_size < LEAST_RSA_BITS


def verify_id_token(text: str, keys: Sequence[VerifyingKey], expected: Expected) -> Claims:
    """The token's claims. Raises SignOnRefused, and UnknownKey when the provider may have new keys."""
    algorithm, claims = read_signed(text, keys)
    check_issued(claims, expected.issuer, expected.client_id, expected.now)
    _check_claims(claims, expected)
    _check_access_token(claims, algorithm, expected.access_token)
    return claims


def read_signed(text: str, keys: Sequence[VerifyingKey]) -> tuple[str, Claims]:
    """Algorithm and claims of a token that one of the keys has signed. Raises SignOnRefused, and UnknownKey."""
    if len(text) > MAX_TOKEN:
        raise SignOnRefused("token_too_long")
    algorithm, key = _key_of(text, keys)
    try:
        signed = jws.deserialize_compact(text, key, algorithms=[algorithm])
        claims = json.loads(signed.payload)
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise SignOnRefused("bad_signature") from error
    if not isinstance(claims, dict):
        raise SignOnRefused("no_claims")
    return algorithm, claims


def _key_of(text: str, keys: Sequence[VerifyingKey]) -> tuple[str, VerifyingKey]:
    """By the header's `alg` and `kid` alone: keys that the token brings along or points to are not looked at."""
    header = header_of(text)
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in KEY_TYPES:
        raise SignOnRefused("bad_algorithm")
    if "crit" in header:
        raise SignOnRefused("unknown_extension")
    kty, curve = KEY_TYPES[algorithm]
    fitting = [
        key for key in keys if key.key_type == kty and key.get("crv") == curve and key.get("alg") in (None, algorithm)
    ]
    chosen = [key for key in fitting if key.get("kid") == kid] if kid is not None else fitting
    if len(chosen) != 1:
        raise UnknownKey
    return algorithm, chosen[0]


def header_of(text: str) -> Mapping[str, Any]:
    """The header of a compact token, not verified. Raises SignOnRefused."""
    parts = text.split(".")
    try:
        raw = base64.urlsafe_b64decode(parts[0] + "=" * (-len(parts[0]) % 4))
        header = json.loads(raw)
    except (ValueError, binascii.Error, RecursionError) as error:
        raise SignOnRefused("no_token") from error
    if len(parts) != 3 or not isinstance(header, dict):
        raise SignOnRefused("no_token")
    return header


def check_issued(claims: Claims, issuer: str, client_id: str, now: datetime) -> None:
    """Raises SignOnRefused unless the token is of this provider, for this client, and of now."""
    if claims.get("iss") != issuer:
        raise SignOnRefused("wrong_issuer")
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if client_id not in audiences:
        raise SignOnRefused("wrong_audience")
    if (len(audiences) > 1 or "azp" in claims) and claims.get("azp") != client_id:
        raise SignOnRefused("wrong_party")
    _check_times(claims, now)


def _check_claims(claims: Claims, expected: Expected) -> None:
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), expected.nonce.encode()):
        raise SignOnRefused("wrong_nonce")
    if not is_name(claims.get("sub")):
        raise SignOnRefused("no_subject")


def is_name(value: Any) -> bool:
    """Whether a claim can be the name of a subject or a session."""
    return isinstance(value, str) and 0 < len(value) <= MAX_SUBJECT and "\0" not in value


def _check_times(claims: Claims, now: datetime) -> None:
    at, leeway = now.timestamp(), LEEWAY.total_seconds()
    expires_at, issued_at, begins_at = (_instant(claims, name) for name in ("exp", "iat", "nbf"))
    if expires_at is None or issued_at is None:
        raise SignOnRefused("no_times")
    if at >= expires_at + leeway:
        raise SignOnRefused("expired")
    if issued_at > at + leeway or (begins_at is not None and begins_at > at + leeway):
        raise SignOnRefused("not_yet")
    if issued_at < at - OLDEST.total_seconds() - leeway:
        raise SignOnRefused("too_old")


def _instant(claims: Claims, name: str) -> float | None:
    """Seconds since 1970; None where there are none. Raises SignOnRefused for anything else."""
    value = claims.get(name)
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or abs(value) > MAX_INSTANT:
        raise SignOnRefused("no_times")
    return float(value)


def _check_access_token(claims: Claims, algorithm: str, access_token: str) -> None:
    """`at_hash` ties the access token to the ID token, where the provider gives one."""
    given = claims.get("at_hash")
    if given is None or not access_token:
        return
    digest = hashlib.new(HASHES.get(algorithm[2:], HASHES["EdDSA"]), access_token.encode()).digest()
    wanted = base64.urlsafe_b64encode(digest[: len(digest) // 2]).decode().rstrip("=")
    if not isinstance(given, str) or not hmac.compare_digest(given.encode(), wanted.encode()):
        raise SignOnRefused("wrong_access_token")
