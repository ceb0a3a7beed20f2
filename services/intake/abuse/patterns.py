"""Who a ban is about: one address, a domain with all below it, or a network. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import ip_address, ip_network

from pydantic import TypeAdapter, ValidationError

from shared.kit.addresses import NotServed, address_key, mailbox_key
from shared.kit.http.inputs import Email
from shared.kit.networks import Network

_email: TypeAdapter[str] = TypeAdapter(Email)
MAX_PATTERN = 254


def read_pattern(text: str) -> str:
    """The pattern in the form in which it is kept. Raises ValueError in words."""
    text = text.strip().lower()
    text = text[1:] if text.startswith("*@") else text
    if len(text) > MAX_PATTERN:
        raise ValueError(f"at most {MAX_PATTERN} characters")
    if "@" not in text:
        return str(_network_of(text))
    if not text.rpartition("@")[0].isascii():
        raise NotServed
    try:
        read = _email.validate_python(f"anybody{text}" if text.startswith("@") else text).lower()
    except ValidationError:
        raise ValueError("use an address, a domain such as @example.org, or a network such as 203.0.113.0/24") from None
    return read.removeprefix("anybody") if text.startswith("@") else read


def _network_of(text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError:
        raise ValueError("a network is written like 203.0.113.0/24 or 2001:db8::/32, without host bits") from None


@dataclass(frozen=True, slots=True)
class BanTable:
    """All bans, made for looking up: the end of each by who it is about."""

    by_name: dict[str, datetime | None] = field(default_factory=dict)
    networks: tuple[tuple[Network, datetime | None], ...] = ()

    @classmethod
    def of(cls, bans: Iterable[tuple[str, datetime | None]]) -> "BanTable":
        """From stored patterns and their ends."""
        kept = dict(bans)
        by_name = {_mailbox(pattern): end for pattern, end in kept.items() if "@" in pattern}
        networks = tuple((ip_network(pattern), end) for pattern, end in kept.items() if "@" not in pattern)
        return cls(by_name, networks)

    def forbids(self, now: datetime, email: str, address: str | None = None) -> bool:
        """Whether the requester, or the address they write from, is banned."""
        named = any(name in self.by_name and _holds(self.by_name[name], now) for name in _names(email))
        return named or (address is not None and bool(self.networks) and self._forbids_address(now, address))

    def _forbids_address(self, now: datetime, address: str) -> bool:
        try:
            peer = ip_address(address)
        except ValueError:
            return False
        return any(peer in network and _holds(end, now) for network, end in self.networks)


def _names(email: str) -> Iterable[str]:
    """The mailbox, under every tag it may be given, its domain, and every domain above."""
    yield mailbox_key(email)
    domain = address_key(email).rpartition("@")[2]
    while domain:
        yield f"@{domain}"
        domain = domain.partition(".")[2]


def _mailbox(pattern: str) -> str:
    return pattern if pattern.startswith("@") else mailbox_key(pattern)


def _holds(end: datetime | None, now: datetime) -> bool:
    return end is None or now < end
