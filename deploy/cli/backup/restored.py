"""The note that a restore leaves in the folder of a local stack: from where events have to be looked at again."""

import json
from datetime import datetime
from pathlib import Path

from deploy.cli.backup.manifest import BackupManifest
from deploy.local.private_files import write_private
from shared.kit.clock import utc_now

NOTE = "restored.json"


def note_restored(home: Path, manifest: BackupManifest) -> None:
    """Says which back-up is in a folder, and that it is not reconciled yet."""
    note = {
        "backup_id": manifest.backup_id,
        "streams_at": manifest.streams_at.isoformat(),
        "cut_at": manifest.cut_at.isoformat(),
        "restored_at": utc_now().isoformat(),
        "reconciled_at": None,
    }
    write_private(home / NOTE, json.dumps(note, indent=2) + "\n")


def restored_streams_at(home: Path) -> datetime | None:
    """The instant up to which the restored streams are whole; None where nothing was restored."""
    try:
        note = json.loads((home / NOTE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return datetime.fromisoformat(note["streams_at"])


def is_unreconciled(home: Path) -> bool:
    """Whether a back-up was restored here and `everdesk backup reconcile` has not ended well since."""
    try:
        return json.loads((home / NOTE).read_text(encoding="utf-8"))["reconciled_at"] is None
    except (OSError, ValueError, KeyError):
        return False


def note_reconciled(home: Path) -> None:
    """Says that nothing is left to be done."""
    if (home / NOTE).is_file():
        note = json.loads((home / NOTE).read_text(encoding="utf-8")) | {"reconciled_at": utc_now().isoformat()}
        write_private(home / NOTE, json.dumps(note, indent=2) + "\n")
