"""Free TCP ports below the ephemeral range, so that a port stays ours to come back to after a crash."""

import random
import socket

LOOPBACK = "127.0.0.1"
_LOWEST, _HIGHEST = 20_000, 32_000
_ATTEMPTS = 200
_CHOOSING = random.SystemRandom()
"""Not the common generator: tests seed that, and processes with the same seed would choose the same ports."""

_RESERVED: list[socket.socket] = []
"""UDP sockets of the ports that were given out, for as long as the process lives: servers here listen by TCP alone."""


def is_free(port: int, host: str = LOOPBACK) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: connections left in TIME_WAIT by a killed process must not count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def find_free_port(preferred: int | None = None, *, taken: frozenset[int] = frozenset()) -> int:
    """`preferred` when it is free, else a random free one that is not in `taken`.

    A server takes seconds until it listens; meanwhile no other process is given the same random port.
    """
    if preferred is not None and preferred not in taken and is_free(preferred):
        return preferred
    for _ in range(_ATTEMPTS):
        port = _CHOOSING.randint(_LOWEST, _HIGHEST)
        if port not in taken and is_free(port) and _reserve(port):
            return port
    raise OSError(f"no free TCP port found between {_LOWEST} and {_HIGHEST}")


def _reserve(port: int) -> bool:
    reservation = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        reservation.bind((LOOPBACK, port))
    except OSError:
        reservation.close()
        return False
    _RESERVED.append(reservation)
    return True
