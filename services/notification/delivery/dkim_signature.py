"""DKIM signatures of outgoing mails (RFC 6376, RFC 8463): relaxed canonicalisation, RSA or Ed25519 over SHA-256.

Own code for what is signed, with `cryptography` for the key: dkimpy reckons in Python and takes longer over one
signature than composing and sending a mail take together.
"""

import base64
import hashlib
import re
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from services.notification.settings import NotificationSettings

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
DkimKey = RSAPrivateKey | Ed25519PrivateKey


class DkimSigner:
    """Signs mails for one domain with one key."""

    def __init__(self, domain: str, selector: str, key: DkimKey) -> None:
        self._domain, self._selector, self._key = domain, selector, key
        self._kind = "rsa" if isinstance(key, RSAPrivateKey) else "ed25519"

    @classmethod
    def of_file(cls, domain: str, selector: str, file: Path) -> "DkimSigner":
        """Reads the private key. Raises ValueError for a file that holds none, without saying what it holds."""
        try:
            key = load_pem_private_key(file.read_bytes(), password=None)
        except (OSError, ValueError, TypeError) as error:
            raise ValueError(f"{file} holds no private key in PEM without a password") from error
        if isinstance(key, Ed25519PrivateKey) or (isinstance(key, RSAPrivateKey) and key.key_size >= LEAST_BITS):
            return cls(domain, selector, key)
        raise ValueError(f"{file}: a key for DKIM is Ed25519, or RSA with {LEAST_BITS} bits or more")

    @property
    def record_name(self) -> str:
        """Where receivers look for the public key in the DNS."""
        return f"{self._selector}._domainkey.{self._domain}"

    @property
    def record(self) -> str:
        """What the TXT record of that name has to hold."""
        public = self._key.public_key()
        if isinstance(public, RSAPublicKey):
            data = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        else:
            data = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        return f"v=DKIM1; k={self._kind}; p={base64.b64encode(data).decode()}"

    def signed(self, mail: bytes) -> bytes:
        """Returns the mail with a signature as its first field; the same mail gives the same bytes."""
        head, _, body = mail.partition(b"\r\n\r\n")
        fields = _fields(head)
        named = [name for name in SIGNED if name in fields]
        covered = b"".join(fields[name] + b"\r\n" for name in dict.fromkeys(named))
        digest = base64.b64encode(hashlib.sha256(_relaxed_body(body)).digest()).decode()
        tags = (
            f"DKIM-Signature: v=1; a={self._kind}-sha256; c=relaxed/relaxed",
            f"d={self._domain}; s={self._selector}",
            "h=" + ":\r\n  ".join(named),
            f"bh={digest}",
            "b=",
        )
        start = ";\r\n ".join(tags).encode("ascii")
        seal = base64.b64encode(self._sealed(covered + _relaxed(start))).decode()
        lines = "\r\n  ".join(seal[at : at + 70] for at in range(0, len(seal), 70))
        return start + lines.encode("ascii") + b"\r\n" + mail

    def _sealed(self, data: bytes) -> bytes:
        if isinstance(self._key, RSAPrivateKey):
            return self._key.sign(data, PKCS1v15(), SHA256())
        return self._key.sign(hashlib.sha256(data).digest())


def signer_of(settings: NotificationSettings) -> DkimSigner | None:
    """Returns the signer that the settings ask for. Raises ValueError for a key that cannot be used."""
    if settings.dkim_key_file is None or settings.dkim_selector is None:
        return None
    return DkimSigner.of_file(settings.mail_domain, settings.dkim_selector, settings.dkim_key_file)


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
