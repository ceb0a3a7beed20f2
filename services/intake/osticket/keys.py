"""Keys that clients bring along from the old help desk: 32 hexadecimal digits in `X-API-Key`."""

import hashlib
import re

from shared.kit.auth import ApiKey

_OLD_KEY = re.compile(r"[0-9A-Fa-f]{32}")


def old_key(text: str) -> ApiKey | None:
    """The key written in `text`, or None if it has not the form of one.

    Its id is derived from a digest that says nothing of the secret; upper and lower case are the same key.
    No key of ours has a secret of this form, so neither can ever stand for the other.
    """
    if not _OLD_KEY.fullmatch(text):
        return None
    secret = text.upper()
    return ApiKey(hashlib.sha256(f"osticket-key-id:{secret}".encode()).hexdigest()[:16], secret)
