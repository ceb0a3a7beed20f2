"""Time-based one-time passwords (RFC 6238): six digits, thirty seconds, HMAC-SHA1, as authenticator apps support."""

import base64
import hmac
import os
from datetime import datetime
from urllib.parse import quote, urlencode

STEP_SECONDS = 30
DIGITS = 6
SECRET_BYTES = 20
STEPS_APART = 1
"""Tolerated clock difference in time steps."""


def new_secret() -> bytes:
    """A random secret of the hash's length."""
    return os.urandom(SECRET_BYTES)


def step_of(at: datetime) -> int:
    """The time step of an instant."""
    return int(at.timestamp()) // STEP_SECONDS


def code_of(secret: bytes, step: int) -> str:
    """The code of a time step."""
    digest = hmac.digest(secret, step.to_bytes(8, "big"), "sha1")
    start = digest[-1] & 0x0F
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**DIGITS:0{DIGITS}}"


def find_step(secret: bytes, code: str, at: datetime, *, after: int) -> int | None:
    """The time step of a code, if near `at` and later than `after`; else None.

    Every candidate is compared, so that the time taken reveals nothing.
    """
    now, found = step_of(at), None
    for step in range(now - STEPS_APART, now + STEPS_APART + 1):
        fits = hmac.compare_digest(code_of(secret, step).encode(), code.encode())
        if fits and step > after:
            found = step
    return found


def as_text(secret: bytes) -> str:
    """The secret in Base32, for typing into an app."""
    return base64.b32encode(secret).decode()


def uri_of(secret: bytes, account: str, issuer: str) -> str:
    """The `otpauth:` URI for the QR code."""
    values = {"secret": as_text(secret), "issuer": issuer, "digits": DIGITS, "period": STEP_SECONDS}
    return f"otpauth://totp/{quote(f'{issuer}:{account}')}?{urlencode(values, quote_via=quote)}"
