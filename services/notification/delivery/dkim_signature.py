"""DKIM signatures of outgoing mails (RFC 6376): rsa-sha256, relaxed canonicalisation of head and body.

Own code for what is signed, with `cryptography` for the key: a signature costs under a millisecond.
"""

import base64
import hashlib
import re
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

SIGNED = (
    *("from", "from", "to", "reply-to", "subject", "date", "message-id", "in-reply-to", "references"),
    *("mime-version", "content-type", "content-language", "auto-submitted"),
    *("list-unsubscribe", "list-unsubscribe-post"),
)
"""`from` is named once more than it stands there: so nobody can add another. RFC 8058 asks for the last two."""
LEAST_BITS = 1024
_SPACE = re.compile(rb"[ \t]+")
_FOLDING = re.compile(rb"\r\n(?=[ \t])")
_TRAILING = re.compile(rb"[ \t]+(?=\r\n)")


class DkimSigner:
    """Signs mails for one domain with one key."""

    def __init__(self, domain: str, selector: str, key: RSAPrivateKey) -> None:
        self._domain, self._selector, self._key = domain, selector, key

    @classmethod
    def of_file(cls, domain: str, selector: str, file: Path) -> "DkimSigner":
        """Reads the private key. Raises ValueError for a file that holds none, without saying what it holds."""
        try:
            key = load_pem_private_key(file.read_bytes(), password=None)
        except (OSError, ValueError, TypeError) as error:
            raise ValueError(f"{file} holds no private key in PEM without a password") from error
        if isinstance(key, RSAPrivateKey) and key.key_size >= LEAST_BITS:
            return cls(domain, selector, key)
        raise ValueError(f"{file}: a key for DKIM is RSA with {LEAST_BITS} bits or more")

    def signed(self, mail: bytes) -> bytes:
        """Returns the mail with a signature as its first field; the same mail gives the same bytes."""
        head, _, body = mail.partition(b"\r\n\r\n")
        fields = _fields(head)
        names = [name for name in dict.fromkeys(SIGNED) if name in fields]
        named = [name for name in SIGNED if name in names]
        covered = b"".join(fields[name] + b"\r\n" for name in names)
        digest = base64.b64encode(hashlib.sha256(_relaxed_body(body)).digest()).decode()
        tags = (
            "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed",
            f"d={self._domain}; s={self._selector}",
            "h=" + ":\r\n  ".join(named),
            f"bh={digest}",
            "b=",
        )
        start = ";\r\n ".join(tags).encode("ascii")
        seal = base64.b64encode(self._key.sign(covered + _relaxed(start), PKCS1v15(), SHA256())).decode()
        lines = "\r\n  ".join(seal[at : at + 70] for at in range(0, len(seal), 70))
        return start + lines.encode("ascii") + b"\r\n" + mail


def _fields(head: bytes) -> dict[str, bytes]:
    """Returns the canonical fields by name; of several the last, which is the one that a signature covers first."""
    lines = _FOLDING.sub(b"", head).split(b"\r\n")
    return {line.partition(b":")[0].strip().lower().decode("ascii"): _relaxed(line) for line in lines}


def _relaxed(field: bytes) -> bytes:
    name, _, value = _FOLDING.sub(b"", field).partition(b":")
    return name.strip().lower() + b":" + _SPACE.sub(b" ", value).strip()


def _relaxed_body(body: bytes) -> bytes:
    lines = _SPACE.sub(b" ", _TRAILING.sub(b"", body)).rstrip(b"\r\n ")
    return lines + b"\r\n" if lines else b""
