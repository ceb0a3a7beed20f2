"""`everdesk requester`: what is held of a person, handed out or erased, by intake itself."""

from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.errors import friendly_errors
from deploy.cli.intake import intake

app = typer.Typer(no_args_is_help=True, help="Find, export and erase what is held of a requester.")
Email = Annotated[str, typer.Argument(help="The requester's address")]


@app.command(epilog="Example: everdesk requester find dana@bank.example")
@friendly_errors
def find(email: Email) -> None:
    """Tell how much is held of a requester."""
    intake("find-requester", email)


@app.command(epilog="Example: everdesk requester export dana@bank.example dana.zip")
@friendly_errors
def export(email: Email, file: Annotated[Path, typer.Argument(help="Does not exist yet")]) -> None:
    """Write all that is held of a requester into a ZIP."""
    intake("export-requester", email, str(file.absolute()))


@app.command(epilog="Example: everdesk requester erase dana@bank.example --tickets 3")
@friendly_errors
def erase(
    email: Email,
    tickets: Annotated[
        int | None, typer.Option(min=0, help="How many tickets they have, as a confirmation; without it nothing goes")
    ] = None,
    *,
    close_open: Annotated[bool, typer.Option("--close-open", help="Withdraw what is not closed first")] = False,
) -> None:
    """Erase a requester for good, in every service; without --tickets, tell what would go."""
    confirmed = [] if tickets is None else ["--tickets", str(tickets)]
    intake("erase-requester", email, *confirmed, *(["--close-open"] if close_open else []))
