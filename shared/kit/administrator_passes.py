"""Signed passes for admin requests between services: short-lived, for one request and one administrator.

The desk knows who administers and what they may do; intake and notification own what is administered. A pass is signed
with a key made of the secret that all three share. It names the person, and it covers method, path, query and body: a
copy of it does what it was made for, within seconds, and nothing else.
"""

import hashlib
from dataclasses import dataclass

from itsdangerous import BadData, URLSafeTimedSerializer
from starlette.requests import Request

from shared.kit.settings import Settings

SCHEME = "Everdesk-Administrator"
"""Of the Authorization header."""
VALID_SECONDS = 30
MOST_CHARACTERS = 4096


@dataclass(frozen=True, slots=True)
class Administrator:
    """Who changes the configuration, as the audit log names them."""

    id: str
    name: str
    address: str
    """The network address that they came from."""


@dataclass(frozen=True, slots=True)
class PassedRequest:
    """What a pass is for."""

    service: str
    method: str
    target: str
    """Path and query, as they are sent."""
    body: bytes

    @classmethod
    async def of(cls, service: str, request: Request) -> "PassedRequest":
        """The same as it came in."""
        path, query = request.scope.get("raw_path") or request.url.path.encode(), request.scope["query_string"]
        target = path.partition(b"?")[0] + (b"?" + query if query else b"")
        return cls(service, request.method, target.decode("latin-1"), await request.body())

    @property
    def digest(self) -> str:
        """One text for all of it."""
        content = "\0".join((self.service, self.method.upper(), self.target, hashlib.sha256(self.body).hexdigest()))
        return hashlib.sha256(content.encode()).hexdigest()


class AdministratorPasses:
    """Makes and reads passes."""

    def __init__(self, settings: Settings) -> None:
        key = hashlib.sha256(b"administrator-pass\0" + settings.link_secret.get_secret_value().encode()).hexdigest()
        self._signer = URLSafeTimedSerializer(key, salt="administrator-pass")

    def make(self, who: Administrator, request: PassedRequest) -> str:
        """The value of the Authorization header."""
        return f"{SCHEME} {self._signer.dumps([who.id, who.name, who.address, request.digest])}"

    def read(self, header: str, request: PassedRequest) -> Administrator | None:
        """The administrator a header names, or None if it is forged, too old, or for something else."""
        scheme, _, token = header.partition(" ")
        if scheme != SCHEME or len(token) > MOST_CHARACTERS:
            return None
        try:
            identity, name, address, digest = self._signer.loads(token, max_age=VALID_SECONDS)
        except (BadData, ValueError, TypeError):
            return None
        if digest != request.digest:
            return None
        return Administrator(str(identity), str(name), str(address))
