"""The sub-commands of a service's process: each loads what it works with, for imports are most of a start."""

import os
import sys
from collections.abc import Callable


def dispatch(commands: dict[str, Callable[[], None]]) -> None:
    """Runs the sub-command named on the command line, or several one after another; `serve` without one.

    Exits without the interpreter's own clean-up, in which the Temporal client is known to crash.
    """
    name = sys.argv[1] if len(sys.argv) > 1 else "serve"
    if name not in commands:
        sys.stderr.write(f"unknown command {name!r}; use one of: {', '.join(commands)}\n")
        sys.exit(2)
    following = sys.argv[2:] if all(argument in commands for argument in sys.argv[2:]) else []
    for command in (name, *following):
        commands[command]()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
