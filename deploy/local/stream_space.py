"""How large the event stream may become on the disk of the state folder, found out before anything starts."""

import shutil
from pathlib import Path

from deploy.local.errors import LocalStackError

USUAL_BYTES = 4 * 1024**3
SMALLEST_BYTES = 16 * 1024**2
KEPT_FREE_BYTES = 300_000_000
"""For databases and logs."""
SHARE = 0.6
"""Of the rest: the dead letters' stream has a quarter of the size on top, and files grow before they are tidied."""


def stream_bytes(home: Path, wanted: int | None) -> tuple[int, str | None]:
    """The size, and a sentence if it is smaller than usual. Raises LocalStackError if `wanted` does not fit."""
    store = home / "nats"
    held = sum(file.stat().st_size for file in store.rglob("*") if file.is_file()) if store.is_dir() else 0
    free = shutil.disk_usage(home).free
    room = max(int((free + held - KEPT_FREE_BYTES) * SHARE), SMALLEST_BYTES)
    if wanted is not None and wanted > room:
        raise LocalStackError(
            f"EVERDESK_STREAM_MAX_BYTES={wanted} does not fit: {_mb(free)} MB are free on the disk of {home}, which "
            f"leaves room for {room}. Set it to that or less, free some space, or put the state elsewhere: "
            "EVERDESK_HOME=/some/folder make run"
        )
    if wanted is None and room < USUAL_BYTES:
        return room, (
            f"Only {_mb(free)} MB are free on the disk of {home}: the event stream may hold {_mb(room)} MB instead of "
            f"{_mb(USUAL_BYTES)} MB. Set EVERDESK_STREAM_MAX_BYTES to choose yourself, or free some space."
        )
    return wanted or USUAL_BYTES, None


def _mb(size: int) -> int:
    return size // 1_000_000
