"""Tests the connection to the identity provider without signing anybody in."""

from collections.abc import AsyncIterator

from services.assignment.access.single_sign_on.connection import ProviderConnection, get_connection
from services.assignment.access.single_sign_on.exchange import ask_for_tokens
from services.assignment.app_state import AppState
from services.assignment.identity_provider.id_tokens import KEY_TYPES
from services.assignment.identity_provider.provider import Provider, discover, fetch_keys, object_of
from services.assignment.identity_provider.refusal import SignOnRefused
from services.assignment.schemas.single_sign_on import ConnectionCheck, ConnectionReport
from shared.kit.http.safe_client import SafeHttpClient

NO_CODE = "everdesk-tests-the-connection"


async def check_connection(context: AppState, number: int) -> ConnectionReport:
    """Fetches metadata and keys, and sends an invalid code: `invalid_grant` shows that the client is known.

    Raises Problem 404.
    """
    async with context.database.begin() as session:
        connection = await get_connection(session, context.settings, number)
    context.provider.forget()
    checks = [check async for check in _checks(context.http_client, connection)]
    return ConnectionReport(works=all(check.outcome != "failed" for check in checks), checks=checks)


async def _checks(http: SafeHttpClient, connection: ProviderConnection) -> AsyncIterator[ConnectionCheck]:
    if not connection.view.issuer or not connection.view.client_id:
        yield _failed("Settings", "Issuer and client id are needed.")
        return
    try:
        provider = await discover(http, connection.view.issuer)
    except SignOnRefused as refused:
        yield _failed("Discovery", refused.detail)
        return
    yield _ok("Discovery", f"{provider.issuer} describes itself.")
    try:
        keys = await fetch_keys(http, provider)
    except SignOnRefused as refused:
        yield _failed("Keys", refused.detail)
        return
    yield _ok("Keys", f"{len(keys)} to check signatures with.") if keys else _failed("Keys", "None can be used.")
    yield _signatures(provider)
    yield _pkce(provider)
    yield await _client(http, connection, provider)


def _signatures(provider: Provider) -> ConnectionCheck:
    offered = provider.document.get("id_token_signing_alg_values_supported")
    usable = [one for one in offered if one in KEY_TYPES] if isinstance(offered, list) else []
    if usable:
        return _ok("Signatures", f"{', '.join(usable)}.")
    return ConnectionCheck(name="Signatures", outcome="warning", detail="It names none that is accepted here.")


def _pkce(provider: Provider) -> ConnectionCheck:
    methods = provider.document.get("code_challenge_methods_supported")
    if isinstance(methods, list) and "S256" in methods:
        return _ok("PKCE", "S256 is supported.")
    detail = "It does not say that it supports S256; some providers do without saying so."
    return ConnectionCheck(name="PKCE", outcome="warning", detail=detail)


async def _client(http: SafeHttpClient, connection: ProviderConnection, provider: Provider) -> ConnectionCheck:
    try:
        answer = await ask_for_tokens(http, connection, provider, NO_CODE, "A" * 43)
        word = str(object_of(answer).get("error", ""))[:80]
    except SignOnRefused as refused:
        return _failed("Client", refused.detail)
    if word == "invalid_grant":
        return _ok("Client", "Client id and secret are accepted.")
    if answer.status in (400, 401, 403) and word in ("invalid_client", "unauthorized_client"):
        return _failed("Client", f"It refuses client id or secret ({word}).")
    detail = f"It answered {answer.status} {word}: sign in once to be sure."
    return ConnectionCheck(name="Client", outcome="warning", detail=detail)


def _ok(name: str, detail: str) -> ConnectionCheck:
    return ConnectionCheck(name=name, outcome="ok", detail=detail)


def _failed(name: str, detail: str) -> ConnectionCheck:
    return ConnectionCheck(name=name, outcome="failed", detail=detail)
