"""Which network addresses and URLs anybody may be asked under: the rules that keep a typed URL out of our networks."""

import ipaddress
import re

import httpx2

from shared.kit.networks import Address, Network, is_in

MAX_URL = 2000
PORTS = {"https": 443, "http": 80}
_NAME = re.compile(r"[a-z0-9_.-]{1,253}", re.IGNORECASE)
_ENDS_IN_A_NUMBER = re.compile(r"(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)\.?$", re.IGNORECASE)

MISSED_BY_IS_GLOBAL: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        *("192.0.0.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.175.48.0/24"),
        *("::/8", "2001::/23", "2002::/16", "2620:4f:8000::/48", "3fff::/20", "fec0::/10"),
    )
)
"""Reserved for protocols, or carriers of an IPv4 address: mapped and NAT64 (`::/8`), Teredo (`2001::/23`), 6to4.

Named here because Python's own tables differ between its releases.
"""


class OutgoingRefused(Exception):
    """This URL may not be asked; the words say why and never what a name resolved to."""


def is_public(address: Address) -> bool:
    """True for an address anybody on the internet may be asked under."""
    is_special = address.is_multicast or address.is_reserved
    return address.is_global and not is_special and not is_in(address, MISSED_BY_IS_GLOBAL)


def read_url(text: str) -> httpx2.URL:
    """A URL that may be asked as far as its letters tell. Raises OutgoingRefused."""
    if len(text) > MAX_URL or not text.isprintable() or " " in text:
        raise OutgoingRefused(f"a URL has at most {MAX_URL} characters, without spaces or control characters")
    try:
        url = httpx2.URL(text)
    except (httpx2.InvalidURL, ValueError):
        raise OutgoingRefused("this is not a URL") from None
    if url.scheme not in PORTS or not url.raw_host:
        raise OutgoingRefused("a URL starts with https:// and a host")
    if url.userinfo:
        raise OutgoingRefused("a URL must not carry a user name or password")
    if url.port is not None and not 0 < url.port < 65_536:
        raise OutgoingRefused("a port is a number from 1 to 65535")
    _check_host(url.raw_host.decode())
    return url


def _check_host(host: str) -> None:
    """A name, or an address as everybody writes it: other spellings only serve to hide one. Raises OutgoingRefused."""
    if ":" in host or _ENDS_IN_A_NUMBER.search(host):
        try:
            ipaddress.ip_address(host)
        except ValueError:
            message = "an IPv4 address is four decimal numbers without leading zeros, an IPv6 address has no zone"
            raise OutgoingRefused(message) from None
    elif not _NAME.fullmatch(host):
        raise OutgoingRefused("the host of a URL has letters, digits, dots and hyphens only")
    if "%" in host:
        raise OutgoingRefused("an IPv6 address in a URL has no zone")
