"""The commands under `everdesk backup`. Exit status 0: done; 1: refused, failed, or not as it should be."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from deploy.cli.backup.checks import find_problems
from deploy.cli.backup.create import MEGABYTE, create
from deploy.cli.backup.manifest import BackupManifest, read_manifest, size_of
from deploy.cli.backup.reconcile import Reconciliation, reconcile
from deploy.cli.backup.restore import restore_local, restore_named
from deploy.cli.backup.restored import note_reconciled, restored_streams_at
from deploy.cli.backup.stores import find_stores, is_named, named_stores
from deploy.cli.environment import home
from deploy.cli.errors import CliError, friendly_errors
from deploy.local.state_folder import StateFolder

LISTED = 20
console = Console(highlight=False, markup=False, soft_wrap=True)
progress = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
app = typer.Typer(no_args_is_help=True, help="Back up, verify, restore and reconcile a whole installation.")

Folder = Annotated[Path, typer.Argument(help="The folder of one back-up")]


@app.command("create", epilog="Example: everdesk backup create /backups/$(date -u +%Y%m%dT%H%M)")
@friendly_errors
def create_backup(folder: Folder) -> None:
    """Write a back-up of databases, Temporal, streams, files and secrets while everything goes on working."""
    stores, _ = find_stores()
    manifest = asyncio.run(create(stores, folder.absolute(), _say))
    seconds = (manifest.finished_at - manifest.started_at).total_seconds()
    console.print(f"{folder}: {size_of(folder) / MEGABYTE:.1f} MB in {seconds:.1f} s", style="green")
    _say_what_it_holds(manifest)


@app.command(epilog="Example: everdesk backup verify /backups/20261128T0300 && echo good")
@friendly_errors
def verify(folder: Folder) -> None:
    """Check every checksum, read every dump, and see whether this version can use it; exit 1 if anything is wrong."""
    manifest = read_manifest(folder)
    problems = asyncio.run(find_problems(folder, manifest))
    for problem in problems[:LISTED]:
        console.print(problem, style="red")
    if problems:
        raise CliError(f"{len(problems)} things are wrong with {folder}.")
    console.print(f"{folder} is whole: as of {manifest.cut_at:%Y-%m-%d %H:%M:%S} UTC", style="green")
    _say_what_it_holds(manifest)


@app.command(epilog="Example: everdesk backup restore /backups/20261128T0300    (into EVERDESK_HOME)")
@friendly_errors
def restore(
    folder: Folder,
    *,
    force: Annotated[bool, typer.Option("--force", help="Move aside, or clear, what is there")] = False,
) -> None:
    """Put a back-up into an empty installation that does not run."""
    manifest = read_manifest(folder)
    if problems := asyncio.run(find_problems(folder, manifest)):
        raise CliError(f"{folder} cannot be restored: {problems[0]}. 'everdesk backup verify' says more.")
    if is_named():
        asyncio.run(restore_named(folder, manifest, named_stores(), _say, force=force))
    else:
        asyncio.run(restore_local(folder, manifest, StateFolder(home().absolute()), _say, force=force))
    console.print(f"Restored as of {manifest.cut_at:%Y-%m-%d %H:%M:%S} UTC", style="green")
    console.print(
        f"Start everything, then: everdesk backup reconcile --since {manifest.streams_at:%Y-%m-%dT%H:%M:%SZ}\n"
        "and: everdesk sla verify"
    )


@app.command("reconcile", epilog="Example: everdesk backup reconcile --since 2026-11-28T03:00:00Z")
@friendly_errors
def reconcile_stores(
    *,
    since: Annotated[
        str | None, typer.Option(help="The earliest instant to which a store was restored; default: as restored here")
    ] = None,
    end_unknown: Annotated[
        bool, typer.Option("--end-unknown", help="End workflows of tickets that no database knows")
    ] = False,
) -> None:
    """Publish again what workflows announced since; exit 1 if the stores do not agree. May be repeated."""
    folder = home().absolute()
    instant = _instant(since) if since else restored_streams_at(folder)
    if instant is None:
        raise CliError("Say since when: nothing was restored here with 'everdesk backup restore'.")
    found = asyncio.run(reconcile(instant, _say, end_unknown=end_unknown))
    _show(found)
    if not found.is_clean:
        raise typer.Exit(1)
    note_reconciled(folder)


def _show(found: Reconciliation) -> None:
    lists = (
        (found.behind, "workflows are behind the event log: restore Temporal to an instant not before the databases'"),
        (found.missing, "open tickets have no workflow: restore Temporal to an instant not before the databases'"),
        (found.unknown, f"workflows of tickets that no database knows, {found.ended} ended (--end-unknown ends them)"),
    )
    for ids, words in lists:
        if ids:
            console.print(f"{len(ids)} {words}", style="red")
            console.print("".join(f"  {ticket_id}\n" for ticket_id in ids[:LISTED]), end="")
    console.print(
        f"{found.tickets} tickets looked at, {found.published} events published again",
        style="green" if found.is_clean else "red",
    )


def _say_what_it_holds(manifest: BackupManifest) -> None:
    secrets = "It holds secrets and personal data" if manifest.holds_secrets else "It holds personal data"
    console.print(f"{secrets}, and is not encrypted: keep it where only you can read it.")
    for missing in manifest.not_included:
        console.print(f"Not in it: {missing}.", style="yellow")


def _instant(written: str) -> datetime:
    try:
        found = datetime.fromisoformat(written)
    except ValueError:
        raise CliError(f"{written} is no instant; write 2026-11-28T03:00:00Z.") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _say(line: str) -> None:
    progress.print(line, style="dim")
