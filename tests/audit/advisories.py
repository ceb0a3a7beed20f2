"""What is known of each locked package, and what is not: an index that does not answer never counts as safety."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2
from pip._internal.models.index import PyPI

Newest = Callable[[str], "tuple[str, Sequence[str]] | None"]
"""The newest release of a package and the advisories about it, or None where the index does not say."""
INDEX = f"{PyPI.pypi_url}/{{}}/json"
"""Where pip itself looks, unless it is told otherwise."""
SECONDS = 10
NAMED = 12
"""Packages named in a sentence; the others are counted."""


@dataclass(frozen=True, slots=True)
class Audit:
    """The result: advisories by package, packages known to have none, and those nothing is known of."""

    vulnerable: dict[str, Sequence[str]]
    clean: Sequence[str]
    unknown: Sequence[str]

    @property
    def status(self) -> int:
        """0 only where every package was looked up and none is vulnerable; 1 for advisories, 2 for not knowing."""
        if self.vulnerable:
            return 1
        return 2 if self.unknown or not self.clean else 0

    def sentences(self) -> list[str]:
        """For people."""
        lines = [f"{package}: {', '.join(ids)}" for package, ids in sorted(self.vulnerable.items())]
        lines.append(f"Packages with known vulnerabilities: {len(self.vulnerable)}. Without: {len(self.clean)}.")
        if self.unknown:
            more = len(self.unknown) - NAMED
            named = ", ".join(sorted(self.unknown)[:NAMED]) + (f" and {more} more" if more > 0 else "")
            lines.append(
                f"NOT KNOWN for {len(self.unknown)}, because no advisories could be had here: {named}. "
                "Run this again where the package index answers."
            )
        elif not self.clean and not self.vulnerable:
            lines.append("NOT KNOWN: nothing was looked at.")
        return lines


def audit(report: dict[str, Any], locked: dict[str, str], newest: Newest) -> Audit:
    """Reads pip-audit's report; for what that skipped, the index's page of the package helps if it is the newest.

    pip-audit itself says "No known vulnerabilities found", and exits with 0, where it skipped every package.
    """
    vulnerable, clean, unknown = dict[str, Sequence[str]](), list[str](), list[str]()
    looked_at = {one["name"].lower(): one for one in report.get("dependencies", [])}
    for name, version in locked.items():
        package, found = f"{name} {version}", looked_at.get(name)
        if found is None or "skip_reason" in found:
            known = newest(name)
            ids = known[1] if known and known[0] == version else None
        else:
            ids = [one["id"] for one in found.get("vulns", [])]
        if ids is None:
            unknown.append(package)
        elif ids:
            vulnerable[package] = ids
        else:
            clean.append(package)
    return Audit(vulnerable, clean, unknown)


def locked_in(lock: str) -> dict[str, str]:
    """Versions by name, out of a lock file."""
    pins = (line.split(" ")[0].partition("==") for line in lock.splitlines() if "==" in line and line[0].isalnum())
    return {name.split("[")[0].lower(): version for name, _, version in pins}


def newest_release(name: str) -> tuple[str, Sequence[str]] | None:
    """Asks the index, which lists advisories that were not withdrawn."""
    try:
        answer = httpx2.get(INDEX.format(name), timeout=SECONDS, follow_redirects=True)
        if answer.status_code != 200:
            return None
        page = answer.json()
        ids = [one["id"] for one in page["vulnerabilities"] if not one.get("withdrawn")]
        return page["info"]["version"], ids
    except (httpx2.HTTPError, ValueError, KeyError, TypeError):
        return None
