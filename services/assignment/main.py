"""The process: `python -m services.assignment.main COMMAND`: serve, migrate, seed, and those for operators."""

import asyncio
from collections.abc import Callable
from importlib import import_module

from services.assignment.settings import AssignmentSettings
from shared.kit.command_line import dispatch
from shared.kit.garbage import starting
from shared.kit.telemetry import configure_logging

SERVICE = "assignment"
PACKAGE = "services.assignment"
JOBS = {
    "seed": ("services.assignment.cli", "run_seed"),
    "account": ("services.assignment.access.operator_recovery", "run_account"),
    "read-model": ("services.assignment.read_model.command", "run_read_model"),
    "setup-link": ("services.assignment.cli", "run_setup_link"),
}
"""Command, module, function. Each process imports what it runs: imports are most of a start."""


def serve_web() -> None:
    """Serves the API and the desk, for ever."""
    settings = AssignmentSettings()
    configure_logging(settings, SERVICE)
    with starting():
        from services.assignment.app import build  # only this process pays for the import
        from shared.kit.processes import serve
        from shared.kit.trace_export import configure_tracing

        configure_tracing(settings, SERVICE)
        app = build(settings)
    serve(app, settings)


def run_migrate() -> None:
    """Brings the database to the newest migration."""
    from shared.kit.db import migrate  # as above

    settings = AssignmentSettings()
    configure_logging(settings, SERVICE)
    asyncio.run(migrate(settings, PACKAGE))


def main() -> None:
    """Loads what the command needs, and runs it."""

    def later(module: str, function: str) -> Callable[[], None]:
        def run() -> None:
            with starting():
                loaded = import_module(module)
            getattr(loaded, function)()

        return run

    dispatch({"serve": serve_web, "migrate": run_migrate, **{name: later(*job) for name, job in JOBS.items()}})


if __name__ == "__main__":
    main()
