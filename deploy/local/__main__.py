"""`python -m deploy.local`, which is what `make run` runs."""

import argparse
import asyncio
import sys
from pathlib import Path

from deploy.local.console import Console
from deploy.local.errors import LocalStackError
from deploy.local.migrate import migrate
from deploy.local.settings import load_settings
from deploy.local.supervisor import Supervisor


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description=__doc__)
    parser.add_argument("--state", type=Path, metavar="DIR", help="state folder (default: EVERDESK_HOME)")
    parser.add_argument("--migrate", action="store_true", help="only bring the databases up to date")
    arguments = parser.parse_args()
    console = Console()
    try:
        settings = load_settings(arguments.state)
        work = migrate(settings, console) if arguments.migrate else Supervisor(settings, console).run()
        asyncio.run(work)
    except LocalStackError as problem:
        console.fail(str(problem))
        return 1
    except KeyboardInterrupt:  # before the supervisor listens for signals
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
