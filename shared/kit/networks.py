"""IP addresses and networks as settings name them."""

import ipaddress
from typing import Annotated

from pydantic import BeforeValidator
from pydantic_settings import NoDecode

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def read_networks(given: object) -> object:
    """Networks as a setting writes them, separated by commas or as JSON; anything else is left to validation."""
    if isinstance(given, str):
        return tuple(part.strip() for part in given.strip().strip("[]").replace('"', "").split(",") if part.strip())
    return given


def read_names(given: object) -> object:
    """Host names as a setting writes them, separated by commas, in lower case and without the final dot."""
    if isinstance(given, str):
        return tuple(part.strip().lower().removesuffix(".") for part in given.split(",") if part.strip())
    return given


AllowedHosts = Annotated[tuple[str, ...], NoDecode, BeforeValidator(read_names)]
"""A setting's type: host names such as `receiver.lan, erp.bank.example`."""
AllowedNetworks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(read_networks)]
"""A setting's type: networks such as `10.20.0.0/16, fd00::/8`."""


def is_in(address: Address, networks: tuple[Network, ...]) -> bool:
    """True if one of the networks holds the address."""
    return any(address in network for network in networks if network.version == address.version)
