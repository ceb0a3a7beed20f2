"""`python -m deploy.cli`, installed as `.venv/bin/everdesk`."""

import logging

import structlog
import typer
from rich.console import Console

from deploy.cli import (
    accounts,
    api_keys,
    audit,
    backup,
    dead_letters,
    mail,
    outbox,
    read_model,
    requester,
    setup_link,
    sla,
    staffing,
    versions,
)
from deploy.cli.doctor.command import doctor
from deploy.cli.errors import friendly_errors
from deploy.cli.status import status as show_status

console = Console(highlight=False, markup=False, soft_wrap=True)
app = typer.Typer(
    name="everdesk",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Operate Everdesk. Settings come from EVERDESK_* where given, else from the stack that 'make run' started.",
)
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(outbox.app, name="outbox")
app.add_typer(accounts.app, name="accounts")
app.add_typer(api_keys.app, name="api-keys")
app.add_typer(mail.app, name="mail")
app.add_typer(requester.app, name="requester")
app.add_typer(versions.app, name="versions")
app.add_typer(sla.app, name="sla")
app.add_typer(staffing.app, name="staffing")
app.add_typer(audit.app, name="audit")
app.add_typer(backup.app, name="backup")
app.add_typer(read_model.app, name="read-model")
app.command("setup-link")(setup_link.setup_link)
app.command(epilog="Example: everdesk doctor --quiet || everdesk doctor --json > findings.json")(doctor)


@app.command(epilog="Example: everdesk status && echo all is well")
@friendly_errors
def status() -> None:
    """Show processes, readiness, backlogs and dead letters of the local stack; exit 1 if anything is not well."""
    if not show_status(console):
        raise typer.Exit(1)


def main() -> None:
    """Answers go to standard output alone, so the libraries' own log lines are kept out of it."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    app(prog_name="everdesk")


if __name__ == "__main__":
    main()
