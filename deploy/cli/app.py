"""The command line as a whole: groups of commands, and the commands that stand alone."""

from collections.abc import Iterable
from importlib import import_module

import typer
from rich.console import Console

from deploy.cli.doctor.command import doctor
from deploy.cli.errors import friendly_errors
from deploy.cli.setup_link import setup_link
from deploy.cli.status import status as show_status

GROUPS = (
    *("dead-letters", "outbox", "accounts", "api-keys", "mail", "requester", "versions", "sla", "staffing"),
    *("audit", "backup", "read-model"),
)
ALONE = ("setup-link", "doctor", "status")
console = Console(highlight=False, markup=False, soft_wrap=True)


def build_app(groups: Iterable[str] = GROUPS) -> typer.Typer:
    """Returns the app with these groups, each imported now."""
    app = typer.Typer(
        name="everdesk",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        help="Operate Everdesk. Settings: EVERDESK_* where given, else those of the stack that 'make run' started.",
    )
    for name in groups:
        app.add_typer(import_module(f"deploy.cli.{name.replace('-', '_')}").app, name=name)
    app.command("setup-link")(setup_link)
    app.command(epilog="Example: everdesk doctor --quiet || everdesk doctor --json > findings.json")(doctor)
    app.command(epilog="Example: everdesk status && echo all is well")(status)
    return app


def groups_for(arguments: Iterable[str]) -> tuple[str, ...]:
    """Returns the groups that a command line needs: importing all of them takes seconds."""
    first = next(iter(arguments), "")
    if first in GROUPS:
        return (first,)
    return () if first in ALONE else GROUPS


@friendly_errors
def status() -> None:
    """Show processes, readiness, backlogs and dead letters; exit 1 if anything is not well."""
    if not show_status(console):
        raise typer.Exit(1)
