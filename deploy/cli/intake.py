"""Commands that are intake's own: run where its settings are, so that its rules hold for operators too."""

import subprocess
import sys

import typer

from deploy.cli.environment import DATABASE_URL, environment_of
from deploy.local.plan import CHECKOUT
from deploy.local.service_spec import python


def intake(*arguments: str) -> None:
    """Runs intake's own command line; its words and its exit status are ours."""
    launch = python("services.intake.main", *arguments, cwd=CHECKOUT, env=environment_of("intake", DATABASE_URL))
    sys.stdout.flush()
    done = subprocess.run(launch.command, cwd=launch.cwd, env=dict(launch.env), check=False)
    raise typer.Exit(done.returncode)
