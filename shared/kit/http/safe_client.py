"""Requests to addresses that people typed: only to public ones, only to the very address that was checked."""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property

import httpx2

from shared.kit.http.public_addresses import PORTS, OutgoingRefused, is_public, read_url
from shared.kit.networks import Address, Network, is_in

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host, for a port; raises OSError when there are none."""

MAX_REDIRECTS = 3
MAX_ADDRESSES = 4
"""Addresses of one host that are tried, one after another."""
CONNECT_SECONDS = 5.0
REDIRECTS = frozenset({301, 302, 303, 307, 308})


class OutgoingFailed(Exception):
    """The URL may be asked but gave no usable answer."""


@dataclass(frozen=True, slots=True)
class FetchedResponse:
    """What came back, read whole; the names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class RequestBudget:
    """How much one exchange may cost, redirects included: bytes of the body, seconds in all."""

    max_bytes: int = 1024 * 1024
    within_seconds: float = 15.0
    is_body_needed: bool = True
    """Whether a body that is too large or compressed makes the exchange fail; else only its beginning is kept."""


async def resolve(host: str, port: int) -> Sequence[str]:
    """The machine's own resolver. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


class SafeHttpClient:
    """Asks other people's servers for a feed, or tells them of an event.

    Each host is resolved here, every address of it is checked, and the connection goes to a checked address while
    TLS still verifies the name: a name that changes its mind in between changes nothing. Inside `allowed` networks
    and for the names in `allowed_hosts` private addresses and plain http are accepted too. Proxies and credentials of
    the environment are not used.
    """

    def __init__(
        self,
        allowed: Sequence[Network] = (),
        *,
        allowed_hosts: Collection[str] = (),
        resolver: Resolver = resolve,
        tls: ssl.SSLContext | None = None,
        budget: RequestBudget = RequestBudget(),
    ) -> None:
        self._allowed = tuple(allowed)
        self._allowed_hosts = frozenset(allowed_hosts)
        self._resolver = resolver
        self._given_tls = tls
        self._budget = budget

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> FetchedResponse:
        """What a URL answers, at most three redirects away, each checked like the first.

        Raises OutgoingRefused and OutgoingFailed.
        """
        async with self._deadline():
            for _ in range(MAX_REDIRECTS + 1):
                answer = await self._exchange("GET", url, headers or {}, None)
                if answer.status not in REDIRECTS or "location" not in answer.headers:
                    return answer
                url = _joined(url, answer.headers["location"])
            raise OutgoingFailed(f"it redirects more than {MAX_REDIRECTS} times")

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> FetchedResponse:
        """What a URL answers to a body; a redirect is an answer like any other.

        Raises OutgoingRefused and OutgoingFailed.
        """
        async with self._deadline():
            return await self._exchange("POST", url, headers, body)

    async def check(self, url: str) -> None:
        """Raises OutgoingRefused if a URL may not be asked. A host that cannot be resolved now may be later."""
        target = read_url(url)
        try:
            async with self._deadline():
                await self._checked_addresses(target)
        except OutgoingFailed:
            if target.scheme != "https" and not self._is_named(target):
                raise OutgoingRefused("only https:// is asked") from None

    @asynccontextmanager
    async def _deadline(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._budget.within_seconds):
                yield
        except TimeoutError as error:
            raise OutgoingFailed(f"it did not answer within {self._budget.within_seconds:g} s") from error

    async def _exchange(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> FetchedResponse:
        target = read_url(url)
        refusal: httpx2.TransportError | None = None
        for address in await self._checked_addresses(target):
            try:
                return await self._ask(address, method, target, headers, body)
            except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
                refusal = error
            except httpx2.HTTPError as error:
                raise OutgoingFailed(f"{target.host} broke off: {type(error).__name__}") from error
        raise OutgoingFailed(f"{target.host} lets nobody connect, or shows no valid certificate") from refusal

    async def _checked_addresses(self, target: httpx2.URL) -> list[Address]:
        """The addresses of the host, all of them fit to be asked. Raises OutgoingRefused and OutgoingFailed."""
        host, port = target.raw_host.decode(), target.port or PORTS[target.scheme]
        try:
            found = [ipaddress.ip_address(text) for text in await self._resolver(host, port)]
        except (OSError, UnicodeError) as error:
            raise OutgoingFailed(f"{target.host} cannot be resolved") from error
        if not found:
            raise OutgoingFailed(f"{target.host} cannot be resolved")
        for address in found:
            self._check(address, target)
        return found[:MAX_ADDRESSES]

    def _check(self, address: Address, target: httpx2.URL) -> None:
        if self._is_named(target) or is_in(address, self._allowed):
            return
        if target.scheme != "https":
            raise OutgoingRefused("only https:// is asked")
        if not is_public(address):
            raise OutgoingRefused(f"{target.host} is not on the public internet")

    def _is_named(self, target: httpx2.URL) -> bool:
        return target.host.lower().removesuffix(".") in self._allowed_hosts

    async def _ask(
        self, address: Address, method: str, target: httpx2.URL, headers: Mapping[str, str], body: bytes | None
    ) -> FetchedResponse:
        """One request on a connection of its own to this address."""
        fixed = {"Host": target.netloc.decode(), "Accept-Encoding": "identity"}
        timeout = httpx2.Timeout(self._budget.within_seconds, connect=CONNECT_SECONDS)
        async with httpx2.AsyncClient(trust_env=False, verify=self._tls, timeout=timeout) as http:
            request = http.build_request(
                method,
                target.copy_with(host=str(address)),
                headers={"User-Agent": "everdesk", **headers, **fixed},
                content=body,
                extensions={"sni_hostname": target.raw_host.decode()},
            )
            response = await http.send(request, stream=True, follow_redirects=False)
            try:
                return FetchedResponse(response.status_code, dict(response.headers), await self._read(response))
            finally:
                await response.aclose()

    async def _read(self, response: httpx2.Response) -> bytes:
        """The body, as long as it stays within the budget; only its beginning if it is not needed.

        Raises OutgoingFailed.
        """
        if response.status_code in REDIRECTS:
            return b""
        is_needed = self._budget.is_body_needed
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            if not is_needed:
                return b""
            raise OutgoingFailed("its answer is compressed, which it was asked not to do")
        parts: list[bytes] = []
        size = 0
        async for part in response.aiter_raw():
            size += len(part)
            if size > self._budget.max_bytes:
                if not is_needed:
                    return b"".join([*parts, part])[: self._budget.max_bytes]
                raise OutgoingFailed(f"its answer is larger than {self._budget.max_bytes // 1024} KiB")
            parts.append(part)
        return b"".join(parts)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """What certificates are verified with; reading the machine's takes a moment, so only when needed."""
        return self._given_tls or httpx2.create_ssl_context(trust_env=False)


def _joined(url: str, location: str) -> str:
    try:
        return str(httpx2.URL(url).join(location))
    except (httpx2.InvalidURL, ValueError):
        raise OutgoingRefused("it redirects to something that is not a URL") from None
