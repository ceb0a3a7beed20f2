"""Tells errors that pass by themselves from errors of ours, for processes with a database and for those without.

Nothing is imported for it: the errors of SQLAlchemy and asyncpg are known by name, so that a process without a database
does not load them.
"""

import errno
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

AWAY_STATES = (
    "08",  # connection exception
    "53",  # out of resources: disk full, memory, connections
    "57P",  # shutting down, crashed or starting up
    "57014",  # cancelled: a statement's or a lock's time was over
    "55P03",  # lock not available
    "40001",  # serialisation failure
    "40P01",  # deadlock
    "25006",  # read-only: a standby that is not yet, or no longer, the primary
    "25P03",  # the session's own time limits
    "25P04",
    "58030",  # the server's own I/O error
    "28",  # refused at log-in, as while a password is changed
    "3D000",  # no such database, as while it is restored
)
"""SQLSTATEs, or how they begin, that say nothing of the statement itself."""
AWAY_ERRNOS = frozenset(
    {
        *(errno.EHOSTUNREACH, errno.EHOSTDOWN, errno.ENETUNREACH, errno.ENETDOWN, errno.ENOBUFS, errno.ENOMEM),
        *(errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EDQUOT, errno.EIO),
    }
)
"""What this machine may lack, or not reach, for a time."""
SEVERAL_ADDRESSES = "Multiple exceptions"
"""How asyncio and uvloop tell, without a number, that none of a name's addresses could be connected to."""
AWAY_KINDS = frozenset(
    {
        "sqlalchemy.exc.OperationalError",
        "sqlalchemy.exc.InterfaceError",
        "sqlalchemy.exc.TimeoutError",
        "asyncpg.exceptions._base.InterfaceError",
        "asyncpg.exceptions._base.InternalClientError",
    }
)
"""Raised where a connection cannot be had or has broken."""


def is_unreachable(error: BaseException | None) -> bool:
    """True if trying the same thing again later may help: the database is away, hung, full or busy.

    SQLAlchemy wraps some of the driver's errors in its most general one, so what is wrapped (`orig`) is looked at too.
    """
    if error is None:
        return False
    if isinstance(error, BaseExceptionGroup):
        return all(is_unreachable(one) for one in error.exceptions)
    if isinstance(error, (ConnectionError, TimeoutError)) or _is_away_kind(error) or _says_away(error):
        return True
    if isinstance(error, OSError):
        is_away = isinstance(error, (socket.gaierror, ssl.SSLError)) or error.errno in AWAY_ERRNOS
        return is_away or (error.errno is None and str(error).startswith(SEVERAL_ADDRESSES))
    wrapped = getattr(error, "orig", None)
    is_invalidated = getattr(error, "connection_invalidated", False) is True
    return is_invalidated or (isinstance(wrapped, BaseException) and is_unreachable(wrapped))


@contextmanager
def unless_away() -> Iterator[None]:
    """Passes over what `is_unreachable` recognises, for work that may be left out while something is away."""
    try:
        yield
    except Exception as error:
        if not is_unreachable(error):
            raise


def _is_away_kind(error: BaseException) -> bool:
    return any(f"{kind.__module__}.{kind.__qualname__}" in AWAY_KINDS for kind in type(error).__mro__)


def _says_away(error: BaseException) -> bool:
    sqlstate = getattr(error, "sqlstate", None)
    return isinstance(sqlstate, str) and sqlstate.startswith(AWAY_STATES)
