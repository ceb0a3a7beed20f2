"""Advisory lock between writers and erasure: no erasure may commit between reading tombstones and writing."""

from typing import Final

from sqlalchemy import text

from shared.kit.db import Session

LOCK: Final = 7_241_101
SHARED: Final = text(f"select pg_advisory_xact_lock_shared({LOCK})")
ALONE: Final = text(f"select pg_advisory_xact_lock({LOCK})")


async def lock_against_erasure(session: Session, *, is_erasing: bool) -> None:
    """To the end of the transaction writers hold off erasers, and an eraser everybody.

    Call it before anything is read or written of tickets, and once: a lock that grows can wait for itself.
    """
    await session.execute(ALONE if is_erasing else SHARED)
