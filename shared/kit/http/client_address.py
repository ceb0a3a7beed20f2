"""Which network address a request comes from, behind any number of reverse proxies."""

import re
from ipaddress import IPv6Address, IPv6Network, ip_address

from starlette.requests import Request

from shared.kit.networks import Address, Network, is_in

NETWORK_BITS = 64
"""Of an IPv6 address: one customer has at least a /64, and may use a new address in it for every request."""
MAX_HOPS = 100
"""Proxies in a row that are looked at, from the right."""
_WITH_PORT = re.compile(r"(?P<v4>[0-9.]+)(?::[0-9]{1,5})?|\[(?P<v6>[0-9A-Fa-f:.]+)\](?::[0-9]{1,5})?")


def address_of(request: Request, trusted_proxies: tuple[Network, ...]) -> str:
    """The caller's address.

    `X-Forwarded-For` counts only as far as trusted proxies wrote it: all its lines are read as one list, from the
    right, and the first hop that is no trusted proxy is the caller. A hop that is no address ends the walk at the proxy
    that reported it. No other header is looked at, `Forwarded` (RFC 7239) and `X-Real-IP` included: a proxy that does
    not write them would pass on what the caller wrote.
    """
    peer = request.client.host if request.client else "unknown"
    address = read_address(peer)
    if address is None:
        return peer
    hops = ",".join(request.headers.getlist("x-forwarded-for")).rsplit(",", MAX_HOPS)[-MAX_HOPS:]
    for hop in reversed(hops):
        if not is_in(address, trusted_proxies) or (before := read_address(hop)) is None:
            break
        address = before
    return str(address)


def network_of(address: str) -> str:
    """Whom limits count an address as: the IPv6 network of one customer is one caller."""
    read = read_address(address)
    if isinstance(read, IPv6Address):
        return str(IPv6Network((int(read), NETWORK_BITS), strict=False))
    return address


def read_address(text: str) -> Address | None:
    """The address written in `text`, with or without a port, or None; an IPv4 one in IPv6's form is IPv4."""
    text = text.strip()
    found = _WITH_PORT.fullmatch(text)
    host = (found["v4"] or found["v6"]) if found else text
    if "%" in host:
        return None  # a zone names an interface of that host, so it says nothing about who called
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address
