"""A small OpenID Connect provider: an HTTP server of its own that signs real tokens, and can be told to lie."""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

Json = dict[str, Any]
CLIENT_ID, CLIENT_SECRET = "everdesk", "a-client-secret-only-for-tests"
ALGORITHMS = ["RS256", "ES256", "HS256"]


@dataclass
class IdentityProvider:
    """The provider: its people are whatever a test says they are."""

    issuer: str = ""
    keys: list[RSAKey | ECKey] = field(default_factory=lambda: [RSAKey.generate_key(2048, {"kid": "one"})])
    codes: dict[str, Json] = field(default_factory=dict)
    document_changes: Json = field(default_factory=dict)
    sign: "Callable[[IdentityProvider, Json], str] | None" = None
    """Makes the ID token instead of the provider."""
    person: Json | None = None
    """Who is sitting in front of the browser; somebody who signs in by themselves."""
    desk: str = ""
    """Where the desk really is: browsers are sent back there."""
    userinfo: Json | None = None
    """What userinfo tells; without one the ID token tells everything."""
    asked: list[str] = field(default_factory=list)
    """The paths of all requests."""

    def approve(self, url: str, **claims: Any) -> Json:
        """What the browser brings back once a person has signed in at the authorization address."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT_ID
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        now = int(time.time())
        said = {"iss": self.issuer, "aud": CLIENT_ID, "nonce": asked["nonce"], "iat": now, "exp": now + 300, **claims}
        said = {name: value for name, value in said.items() if value is not None}
        self.codes[code] = {**asked, "claims": said}
        return {"state": asked["state"], "code": code, "iss": self.issuer}

    def token(self, claims: Json) -> str:
        """A token as the provider signs it."""
        key = self.keys[-1]
        algorithm = "RS256" if isinstance(key, RSAKey) else "ES256"
        return signed(claims, key, {"alg": algorithm, "kid": key.get("kid")})

    def jwks(self) -> Json:
        """The public keys."""
        return {"keys": [{**key.as_dict(private=False), "use": "sig"} for key in self.keys]}

    def describe(self) -> Json:
        """The discovery document."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "end_session_endpoint": f"{self.issuer}/logout",
            "id_token_signing_alg_values_supported": ["RS256", "ES256"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        } | self.document_changes

    def exchange(self, form: Json, authorization: str) -> tuple[int, Json]:
        """The token endpoint: knows its client, and takes a code once with the right verifier."""
        expected = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if authorization != f"Basic {expected}":
            return 401, {"error": "invalid_client"}
        asked = self.codes.pop(form.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if (
            asked is None
            or challenge.decode().rstrip("=") != asked["code_challenge"]
            or form.get("redirect_uri") != asked["redirect_uri"]
        ):
            return 400, {"error": "invalid_grant"}
        id_token = self.sign(self, asked["claims"]) if self.sign else self.token(asked["claims"])
        return 200, {"id_token": id_token, "access_token": "an-access-token", "token_type": "Bearer"}


def signed(claims: Json, key: Any, header: Json) -> str:
    """A compact JWS."""
    return jws.serialize_compact(header, json.dumps(claims).encode(), key, algorithms=ALGORITHMS)


def unsigned(claims: Json) -> str:
    """A token of `alg` none."""
    parts = [{"alg": "none", "typ": "JWT"}, claims]
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."


@contextmanager
def running_provider() -> Iterator[IdentityProvider]:
    """The provider, served on a port of this machine."""
    provider = IdentityProvider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            provider.asked.append(self.path)
            path = urlsplit(self.path).path
            if path == "/authorize" and provider.person is not None:
                answer = provider.approve(self.path, **provider.person)
                place = urlsplit(parse_qs(urlsplit(self.path).query)["redirect_uri"][0]).path
                self.send_response(302)
                self.send_header("Location", f"{provider.desk}{place}?{urlencode(answer)}")
                self.end_headers()
                return
            found = {"/.well-known/openid-configuration": provider.describe, "/jwks": provider.jwks}.get(path)
            if path == "/userinfo" and self.headers.get("Authorization") == "Bearer an-access-token":
                self._answer(200, provider.userinfo or {})
            elif found is not None:
                self._answer(200, found())
            else:
                self._answer(404, {})

        def do_POST(self) -> None:
            provider.asked.append(self.path)
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            self._answer(*provider.exchange(form, self.headers.get("Authorization", "")))

        def _answer(self, status: int, body: Json) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.issuer = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
