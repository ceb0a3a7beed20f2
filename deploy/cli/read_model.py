"""`everdesk read-model`: rebuilds assignment's read model from its event log, or compares the two."""

import subprocess
import sys
from typing import Annotated

import typer

from deploy.cli.environment import DATABASE_URL, environment_of
from deploy.cli.errors import friendly_errors
from deploy.local.plan import CHECKOUT
from deploy.local.service_spec import python

app = typer.Typer(no_args_is_help=True, help="Rebuild the tickets that the desk shows from the event log.")


@app.callback()
def read_model() -> None:
    """Keeps `rebuild` a command of its own name."""


@app.command(epilog="Example: everdesk read-model rebuild --check && echo the read model is right")
@friendly_errors
def rebuild(
    *,
    check: Annotated[bool, typer.Option("--check", help="Only report differences; exit 1 if there are any")] = False,
    after: Annotated[str, typer.Option("--after", help="Go on after this ticket's id, as an earlier run printed")] = "",
) -> None:
    """Correct tickets and verdicts from the log while the service runs. It can be stopped and run again at any time."""
    environment = environment_of("assignment", DATABASE_URL)
    arguments = ["rebuild", *(["--check"] if check else []), *(["--after", after] if after else [])]
    launch = python("services.assignment.main", "read-model", *arguments, cwd=CHECKOUT, env=environment)
    sys.stdout.flush()
    done = subprocess.run(launch.command, cwd=launch.cwd, env=dict(launch.env), check=False)
    raise typer.Exit(done.returncode)
