"""What a migration may not do while processes of the previous release still run, or while a large table is in use.

Expand first: add what the previous release ignores. Contract a release later: remove what no running release uses any
more. A migration that contracts says so, in its module:

    CONTRACTS = "0.2 no longer reads tickets.legacy_note"

Squawk judges the statements; they are those that really ran, whatever way they were written.
"""

import importlib
import json
import re
import runpy
import subprocess
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

SQUAWK = Path(sysconfig.get_path("scripts")) / "squawk"
OPTIONS = ("--assume-in-transaction", "--pg-version=17", "--reporter=json", "--stdin-filepath=migration.sql")
REFUSED = (
    "adding-field-with-default",
    "adding-foreign-key-constraint",
    "adding-not-nullable-field",
    "adding-required-field",
    "adding-serial-primary-key-field",
    "ban-drop-column",
    "ban-drop-database",
    "ban-drop-table",
    "changing-column-type",
    "constraint-missing-not-valid",
    "disallowed-unique-constraint",
    "renaming-column",
    "renaming-table",
    "require-concurrent-index-creation",
)
BEFORE_THE_RULE = {"intake": 24, "assignment": 55, "notification": 30}
"""The migrations up to these numbers were there before the rule: 0.1 is brought up to date with everything stopped."""
INDEX_IF_MISSING = re.compile(r"^\s*create\s+(unique\s+)?index\s+if\s+not\s+exists\b", re.IGNORECASE)
"""May be built beforehand with `create index concurrently`, as the upgrade's notes say; then nothing is held up."""


def violations(statements: Sequence[str]) -> list[str]:
    """What Squawk refuses in the statements of one migration, in words; tables that it makes itself may be changed."""
    script = "".join(f"{one.strip().rstrip(';')};\n" for one in statements if not INDEX_IF_MISSING.match(one))
    if not script:
        return []
    done = subprocess.run(
        [
            str(SQUAWK),
            "--assume-in-transaction",
            "--pg-version=17",
            "--reporter=json",
            "--stdin-filepath=migration.sql",
        ],
        input=script,
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(done.stdout or "[]")
    return [f"{one['rule_name']}: {one['message']}" for one in found if one["rule_name"] in REFUSED]


def refused(service: str, statements: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Migrations of a service, with what each ran, that break the rule and do not say that they contract."""
    for revision, ran in statements.items():
        if int(revision[:4]) <= BEFORE_THE_RULE[service] or contracts(service, revision):
            continue
        for violation in violations(ran):
            yield f"{service} {revision}: {violation}"


def contracts(service: str, revision: str) -> str:
    """Why a migration may remove something, in its own words; empty if it does not say that it does."""
    folder = Path(importlib.import_module(f"services.{service}").__path__[0]) / "migrations" / "versions"
    (path,) = folder.glob(f"{revision[:4]}_*.py")
    return str(runpy.run_path(str(path)).get("CONTRACTS", ""))
