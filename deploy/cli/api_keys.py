"""`everdesk api-keys`: keys of client programs, made and kept by intake itself."""

from typing import Annotated

import typer

from deploy.cli.errors import friendly_errors
from deploy.cli.intake import intake

app = typer.Typer(no_args_is_help=True, help="Make, bring along, list, rotate and revoke the keys of client programs.")


@app.command(epilog="Example: everdesk api-keys create 'Mobile app' --scope create --scope read --per-minute 600")
@friendly_errors
def create(
    name: Annotated[str, typer.Argument(help="Who will use it")],
    scope: Annotated[
        list[str] | None,
        typer.Option(help="create, read, reply, alert or admin; repeat it; default: create, read and reply"),
    ] = None,
    per_minute: Annotated[int | None, typer.Option(min=1, help="Requests a minute")] = None,
    cidr: Annotated[list[str] | None, typer.Option(help="Addresses it may come from; repeat it")] = None,
    expires: Annotated[str | None, typer.Option(help="The day or instant it stops working: 2027-12-31")] = None,
) -> None:
    """Make a key and print it. It cannot be shown again."""
    arguments = [name]
    if scope:
        arguments += ["--scopes", *scope]
    if per_minute:
        arguments += ["--per-minute", str(per_minute)]
    if cidr:
        arguments += ["--cidr", *cidr]
    if expires:
        arguments += ["--expires", expires]
    intake("create-key", *arguments)


@app.command(
    "import-osticket", epilog="Example: everdesk api-keys import-osticket 'Web form' --cidr 203.0.113.9 < key.txt"
)
@friendly_errors
def import_osticket(
    name: Annotated[str, typer.Argument(help="Who uses it")],
    cidr: Annotated[list[str] | None, typer.Option(help="Addresses it may come from; repeat it")] = None,
) -> None:
    """Let an osTicket client go on with its key: 32 hexadecimal digits, read from standard input."""
    intake("import-osticket-key", name, *(["--cidr", *cidr] if cidr else []))


@app.command("list", epilog="Example: everdesk api-keys list")
@friendly_errors
def list_keys() -> None:
    """List the keys, without their secrets."""
    intake("list-keys")


@app.command(epilog="Example: everdesk api-keys rotate 1f0c9a3be2d47a55 --overlap-hours 48")
@friendly_errors
def rotate(
    key_id: Annotated[str, typer.Argument(help="The 16 characters after hd_")],
    overlap_hours: Annotated[float, typer.Option(min=0, help="Hours the old secret goes on working")] = 24,
) -> None:
    """Give a key a new secret and print it; the old one works on until the overlap is over."""
    intake("rotate-key", key_id, "--overlap-hours", str(overlap_hours))


@app.command(epilog="Example: everdesk api-keys revoke 1f0c9a3be2d47a55")
@friendly_errors
def revoke(key_id: Annotated[str, typer.Argument(help="The 16 characters after hd_")]) -> None:
    """Switch a key off; it stops working within seconds."""
    intake("revoke-key", key_id)
