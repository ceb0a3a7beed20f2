"""`everdesk doctor`: runs every check, prints what it found and how to mend it, and says with its exit status."""

import asyncio
import json
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console

from deploy.cli.doctor.findings import Finding, Gravity, worst
from deploy.cli.errors import friendly_errors
from shared.kit.clock import utc_now

console = Console(highlight=False, markup=False, soft_wrap=True)
STYLES = {Gravity.OK: "", Gravity.UNKNOWN: "dim", Gravity.WARNING: "yellow", Gravity.ERROR: "red"}


@friendly_errors
def doctor(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document for programs")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 for warnings too")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Leave out what is well")] = False,
) -> None:
    """Look at engines, clocks, disks, queues, stuck tickets and mail, say how to mend what is wrong; exit 1 if so."""
    # Only this command pays for these imports.
    from deploy.cli.doctor.checks import examine
    from deploy.cli.doctor.process_environments import ProcessEnvironments

    findings = asyncio.run(examine(ProcessEnvironments.find()))
    verdict = worst(findings)
    if as_json:
        print(as_document(findings))
    else:
        _show([one for one in findings if not quiet or one.gravity is not Gravity.OK])
        counts = {gravity: sum(one.gravity is gravity for one in findings) for gravity in Gravity}
        console.print(", ".join(f"{count} {gravity.value}" for gravity, count in counts.items() if count), style="bold")
    if verdict is Gravity.ERROR or (strict and verdict is Gravity.WARNING):
        raise typer.Exit(1)


def as_document(findings: Sequence[Finding]) -> str:
    """For programs: the gravest of all, and every finding."""
    return json.dumps(
        {
            "checked_at": utc_now().isoformat(),
            "gravity": worst(findings).value,
            "findings": [one.as_json() for one in findings],
        },
        indent=2,
        ensure_ascii=False,
    )


def _show(findings: Sequence[Finding]) -> None:
    for one in findings:
        style = STYLES[one.gravity]
        console.print(f"{one.gravity.value:<8} {one.area:<22} {one.check:<20} {one.says}", style=style)
        if one.mend:
            console.print(f"{'':<8} {'':<22} {'':<20} -> {one.mend}", style=style)
