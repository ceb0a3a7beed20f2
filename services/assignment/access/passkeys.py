"""Passkeys (WebAuthn) as a second factor: registration, and authentication with single-use challenges.

The library is loaded when the first agent uses a passkey: it brings what reads certificates of their makers.
"""

import json
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import select

from services.assignment.models import Agent, Passkey
from shared.kit.clock import utc_now
from shared.kit.db import Session as Transaction
from shared.kit.http.client_address import read_address

MAX_CREDENTIAL = 16_384
MAX_PASSKEYS = 20
UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
"""Exceptions the library raises for malformed answers, beside its own."""
LOCALHOST = "localhost"


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """The WebAuthn relying party: a host name, and the origins that may use its passkeys."""

    id: str
    origin: str


def relying_party(desk_url: str, host: str) -> RelyingParty | None:
    """The relying party for a page reached as `host` (name and port); None where passkeys cannot work.

    Browsers do not offer passkeys for IP addresses; a desk on one's own machine is reached as `localhost`.
    """
    public = urlsplit(desk_url)
    name = (public.hostname or "").lower()
    literal = read_address(name)
    if name == LOCALHOST or (literal is not None and literal.is_loopback):
        asked = urlsplit(f"//{host}")
        if asked.hostname != LOCALHOST:
            return None
        return RelyingParty(LOCALHOST, f"{public.scheme}://{host}")
    if not name or literal is not None:
        return None
    default = {"http": 80, "https": 443}.get(public.scheme)
    port = "" if public.port in (None, default) else f":{public.port}"
    return RelyingParty(name, f"{public.scheme}://{name}{port}")


async def list_passkeys(session: Transaction, agent_id: UUID) -> list[Passkey]:
    """An agent's passkeys, the oldest first."""
    return list(await session.scalars(select(Passkey).where(Passkey.agent_id == agent_id).order_by(Passkey.created_at)))


async def registration_options(session: Transaction, party: RelyingParty, agent: Agent) -> tuple[str, bytes]:
    """WebAuthn options for creating a passkey, as JSON, and their challenge."""
    from webauthn import generate_registration_options, options_to_json
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

    known = [PublicKeyCredentialDescriptor(id=one.credential_id) for one in await list_passkeys(session, agent.id)]
    options = generate_registration_options(
        rp_id=party.id,
        rp_name="Everdesk",
        user_id=agent.id.bytes,
        user_name=agent.email,
        user_display_name=agent.name,
        exclude_credentials=known,
    )
    return options_to_json(options), options.challenge


async def add_passkey(
    session: Transaction, party: RelyingParty, agent_id: UUID, name: str, response: str, challenge: bytes
) -> bool:
    """Verifies and stores a new passkey; False if the answer does not match challenge or origin."""
    from webauthn import verify_registration_response
    from webauthn.helpers.exceptions import WebAuthnException

    if len(response) > MAX_CREDENTIAL or len(await list_passkeys(session, agent_id)) >= MAX_PASSKEYS:
        return False
    try:
        made = verify_registration_response(
            credential=response, expected_challenge=challenge, expected_rp_id=party.id, expected_origin=party.origin
        )
    except (WebAuthnException, *UNREADABLE):
        return False
    if await session.scalar(select(Passkey.id).where(Passkey.credential_id == made.credential_id)) is not None:
        return False
    session.add(
        Passkey(
            agent_id=agent_id,
            credential_id=made.credential_id,
            public_key=made.credential_public_key,
            sign_count=made.sign_count,
            name=name[:64] or "Passkey",
            created_at=utc_now(),
        )
    )
    return True


async def authentication_options(session: Transaction, party: RelyingParty, agent_id: UUID) -> tuple[str, bytes]:
    """WebAuthn options for signing in with a passkey, as JSON, and their challenge."""
    from webauthn import generate_authentication_options, options_to_json
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

    known = [PublicKeyCredentialDescriptor(id=one.credential_id) for one in await list_passkeys(session, agent_id)]
    options = generate_authentication_options(rp_id=party.id, allow_credentials=known)
    return options_to_json(options), options.challenge


async def check_passkey(
    session: Transaction, party: RelyingParty, agent_id: UUID, response: str, challenge: bytes
) -> bool:
    """Whether a passkey of the agent signed the challenge on an allowed origin.

    A passkey whose signature counter does not rise may be a clone, and is refused.
    """
    from webauthn import verify_authentication_response
    from webauthn.helpers import base64url_to_bytes
    from webauthn.helpers.exceptions import WebAuthnException

    if len(response) > MAX_CREDENTIAL:
        return False
    try:
        credential_id = base64url_to_bytes(json.loads(response)["rawId"])
        passkey = await session.scalar(
            select(Passkey)
            .where(Passkey.credential_id == credential_id, Passkey.agent_id == agent_id)
            .with_for_update()
        )
        if passkey is None:
            return False
        signed = verify_authentication_response(
            credential=response,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
        )
    except (WebAuthnException, *UNREADABLE):
        return False
    passkey.sign_count, passkey.last_used_at = signed.new_sign_count, utc_now()
    return True
