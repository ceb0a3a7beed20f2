"""A port in use is the most common reason not to start: say which, by whom, and what to do."""

from collections.abc import Mapping
from contextlib import suppress

import psutil

from deploy.local.engines.ports import is_free
from deploy.local.errors import LocalStackError
from deploy.local.settings import HOST, setting_of


def check_fixed_ports(ports: Mapping[str, int]) -> None:
    """Every problem at once, so that one look is enough."""
    twice = [name for name, port in ports.items() if list(ports.values()).count(port) > 1]
    if twice:
        names = ", ".join(setting_of(name) for name in twice)
        raise LocalStackError(f"The settings {names} name the same port. Give each one a port of its own.")
    taken = {name: port for name, port in ports.items() if not is_free(port, HOST)}
    if taken:
        raise LocalStackError(" ".join(_sentence(name, port) for name, port in taken.items()))


def _sentence(name: str, port: int) -> str:
    holder = _find_holder(port)
    by = f" by {holder}" if holder else " by another program"
    return (
        f"Port {port}, wanted for {name}, is taken{by}. Stop that program, or choose another port: "
        f"{setting_of(name)}={_suggestion(port)} make run."
    )


def _suggestion(port: int) -> int:
    for candidate in range(port + 10_000, 65_000):
        if is_free(candidate, HOST):
            return candidate
    return port + 1


def _find_holder(port: int) -> str | None:
    with suppress(psutil.Error, OSError):
        for connection in psutil.net_connections(kind="tcp"):
            if connection.status != psutil.CONN_LISTEN or connection.pid is None:
                continue
            if connection.laddr and connection.laddr.port == port:
                return f"'{psutil.Process(connection.pid).name()}' (process {connection.pid})"
    return None
