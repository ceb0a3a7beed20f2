"""`everdesk accounts`: account recovery for agents who cannot sign in."""

import subprocess
import sys
from typing import Annotated

import typer

from deploy.cli.environment import DATABASE_URL, environment_of
from deploy.cli.errors import friendly_errors
from deploy.local.plan import CHECKOUT
from deploy.local.service_spec import python

app = typer.Typer(no_args_is_help=True, help="Help an agent who cannot sign in. Everything is in the audit log.")
Email = Annotated[str, typer.Argument(help="The agent's e-mail address")]


@app.command(epilog="Example: everdesk accounts show ada@everdesk.example")
@friendly_errors
def show(email: Email) -> None:
    """Tell whether an agent is active, and how they sign in."""
    _account("show", email)


@app.command("reset-password", epilog="Example: everdesk accounts reset-password ada@everdesk.example")
@friendly_errors
def reset_password(email: Email) -> None:
    """Print a link that works once, to choose a new password with; all sessions end then."""
    _account("reset-password", email)


@app.command("reset-second-factor", epilog="Example: everdesk accounts reset-second-factor ada@everdesk.example")
@friendly_errors
def reset_second_factor(email: Email) -> None:
    """Take app, passkeys and recovery codes away, and end all sessions."""
    _account("reset-second-factor", email)


@app.command(epilog="Example: everdesk accounts unlock ada@everdesk.example --address 203.0.113.9")
@friendly_errors
def unlock(
    email: Email, address: Annotated[str, typer.Option(help="The network address that is locked as well")] = ""
) -> None:
    """Forget failed sign-ins, and the locks that followed."""
    _account("unlock", email, *(["--address", address] if address else []))


def _account(*arguments: str) -> None:
    """Runs assignment's own command where its settings are; its words and its exit status are ours."""
    environment = environment_of("assignment", DATABASE_URL)
    launch = python("services.assignment.main", "account", *arguments, cwd=CHECKOUT, env=environment)
    sys.stdout.flush()
    done = subprocess.run(launch.command, cwd=launch.cwd, env=dict(launch.env), check=False)
    raise typer.Exit(done.returncode)
