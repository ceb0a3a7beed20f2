"""`python -m deploy.cli`, installed as `.venv/bin/everdesk`."""

import logging

import structlog
import typer
from rich.console import Console

from deploy.cli import api_keys, dead_letters, versions
from deploy.cli.errors import said_plainly
from deploy.cli.sla import verify_all
from deploy.cli.status import status as show_status

LISTED = 20
console = Console(highlight=False, markup=False, soft_wrap=True)
app = typer.Typer(
    name="everdesk",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Operate Everdesk. Settings come from EVERDESK_* where given, else from the stack that 'make run' started.",
)
sla = typer.Typer(no_args_is_help=True, help="Prove the service-level verdicts.")
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(api_keys.app, name="api-keys")
app.add_typer(versions.app, name="versions")
app.add_typer(sla, name="sla")


@app.command(epilog="Example: everdesk status && echo all is well")
@said_plainly
def status() -> None:
    """Show processes, readiness, backlogs and dead letters of the local stack; exit 1 if anything is not well."""
    if not show_status(console):
        raise typer.Exit(1)


@sla.command(epilog="Example: everdesk sla verify")
@said_plainly
def verify() -> None:
    """Compute every recorded verdict again from the event log; exit 1 if one differs."""
    found = verify_all()
    for one in found.differences[:LISTED]:
        console.print(f"{one.ticket_id}  {one.metric} {one.cycle}", style="red")
        console.print(f"  recorded  {one.recorded}\n  computed  {one.computed}")
    for ticket_id, why in list(found.unverifiable.items())[:LISTED]:
        console.print(f"{ticket_id}  cannot be verified: {why}", style="yellow")
    console.print(
        f"{found.verdicts} recorded verdicts of {found.tickets} tickets: {len(found.differences)} differ, "
        f"{len(found.unverifiable)} tickets cannot be verified",
        style="green" if found.is_clean else "red",
    )
    if not found.is_clean:
        raise typer.Exit(1)


def main() -> None:
    """Answers go to standard output alone, so the libraries' own log lines are kept out of it."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    app(prog_name="everdesk")


if __name__ == "__main__":
    main()
