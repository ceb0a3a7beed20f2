"""`everdesk setup-link`: prints the one-time set-up link of an empty installation."""

import subprocess
import sys

import typer

from deploy.cli.environment import DATABASE_URL, environment_of
from deploy.cli.errors import friendly_errors
from deploy.local.plan import CHECKOUT
from deploy.local.service_spec import python


@friendly_errors
def setup_link() -> None:
    """Print a one-time link for the first administrator, while nobody can sign in yet."""
    env = environment_of("assignment", DATABASE_URL)
    launch = python("services.assignment.main", "setup-link", cwd=CHECKOUT, env=env)
    sys.stdout.flush()
    done = subprocess.run(launch.command, cwd=launch.cwd, env=dict(launch.env), check=False)
    raise typer.Exit(done.returncode)
