"""What releases have written, as `record_release.py` recorded it."""

import gzip
import json
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.cli.backup.manifest import MANIFEST, read_manifest, write_checksums

RELEASES = Path(__file__).parent
FACTS, HISTORIES = EXTRAS = ("facts.json", "histories")
"""What was recorded beside the back-up; unpacked beside it too."""


@dataclass(frozen=True, slots=True)
class Release:
    """One recorded release."""

    version: str

    @property
    def archive(self) -> Path:
        """Where its data are."""
        return RELEASES / f"{self.version}.tar.xz"

    def unpack(self, folder: Path) -> Path:
        """Makes it a back-up again, which `everdesk backup restore` takes; returns its folder."""
        with tarfile.open(self.archive) as packed:
            packed.extractall(folder, filter="data")
        for extra in EXTRAS:
            (folder / extra).rename(folder.with_name(f"{folder.name}-{extra}"))
        plain = folder / "temporal" / "temporal.db"
        with plain.open("rb") as source, gzip.open(f"{plain}.gz", "wb", compresslevel=1) as target:
            shutil.copyfileobj(source, target)
        plain.unlink()
        manifest = read_manifest(folder)
        (folder / MANIFEST).unlink()
        changed = manifest.model_copy(update={"checksums_sha256": write_checksums(folder)})
        (folder / MANIFEST).write_text(changed.model_dump_json(), encoding="utf-8")
        return folder

    @staticmethod
    def histories(folder: Path) -> list[Path]:
        """The histories of its tickets' workflows, of an unpacked release."""
        return sorted(folder.with_name(f"{folder.name}-{HISTORIES}").glob("*.json"))

    @staticmethod
    def facts(folder: Path) -> dict[str, Any]:
        """Its tickets by the state they were left in, and what was answered."""
        found: dict[str, Any] = json.loads(folder.with_name(f"{folder.name}-{FACTS}").read_text(encoding="utf-8"))
        return found


def releases() -> list[Release]:
    """All that are recorded, the oldest first."""
    return [Release(path.name.removesuffix(".tar.xz")) for path in sorted(RELEASES.glob("*.tar.xz"))]
