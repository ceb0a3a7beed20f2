"""`everdesk mail`: what came in by mail, and what became of it."""

from enum import StrEnum
from typing import Annotated

import typer

from deploy.cli.errors import friendly_errors
from deploy.cli.intake import intake

app = typer.Typer(no_args_is_help=True, help="List and show mails that came in, and have them processed again.")


class State(StrEnum):
    """What became of a mail."""

    RECEIVED = "received"
    DONE = "done"
    IGNORED = "ignored"
    FAILED = "failed"


@app.command("list", epilog="Example: everdesk mail list --state failed")
@friendly_errors
def list_mails(
    state: Annotated[list[State] | None, typer.Option(help="Repeat it; default: received and failed")] = None,
    sender: Annotated[str | None, typer.Option(help="Only of this address, in the envelope or in From")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many")] = 50,
) -> None:
    """List mails, newest first: by default those that wait or were given up."""
    arguments = [part for one in state or () for part in ("--state", one.value)]
    if sender is not None:
        arguments += ["--sender", sender]
    intake("list-mails", *arguments, "--limit", str(limit))


@app.command(epilog="Example: everdesk mail show 01990a4e-3c00-7000-8000-000000000001 --raw > mail.eml")
@friendly_errors
def show(
    mail_id: Annotated[str, typer.Argument(help="As `list` shows it")],
    *,
    raw: Annotated[bool, typer.Option("--raw", help="The mail as it came: people's words and addresses")] = False,
) -> None:
    """Show what is known of a mail."""
    intake("show-mail", mail_id, *(["--raw"] if raw else []))


@app.command("open", epilog="Example: everdesk mail open 01990a4e-3c00-7000-8000-000000000001")
@friendly_errors
def open_mails(mail_ids: Annotated[list[str], typer.Argument(min=1, help="As `list` shows them")]) -> None:
    """Open mails as tickets that were ignored or given up, whatever spoke against it."""
    intake("open-mail", *mail_ids)


@app.command(epilog="Example: everdesk mail retry 01990a4e-3c00-7000-8000-000000000001")
@friendly_errors
def retry(mail_ids: Annotated[list[str], typer.Argument(min=1, help="As `list` shows them")]) -> None:
    """Have mails processed again that were given up or ignored."""
    intake("retry-mail", *mail_ids)
