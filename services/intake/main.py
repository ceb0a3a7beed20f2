"""The process: `python -m services.intake.main COMMAND`: serve, migrate, seed, and those for keys and people."""

import asyncio
from collections.abc import Callable
from importlib import import_module

from services.intake.settings import IntakeSettings
from shared.kit.command_line import dispatch
from shared.kit.garbage import starting
from shared.kit.telemetry import configure_logging, log

PACKAGE = "services.intake"
RETIRED = frozenset({"challenge", "challenge_bits"})


JOBS = {
    "seed": ("services.intake.commands.seed", "seed"),
    "create-key": ("services.intake.cli", "create_key"),
    "import-osticket-key": ("services.intake.cli", "import_osticket_key"),
    "list-keys": ("services.intake.cli", "list_all_keys"),
    "rotate-key": ("services.intake.cli", "rotate"),
    "revoke-key": ("services.intake.cli", "revoke"),
    "list-mails": ("services.intake.mail.cli", "list_mails"),
    "show-mail": ("services.intake.mail.cli", "show_mail"),
    "retry-mail": ("services.intake.mail.cli", "retry_mail"),
    "find-requester": ("services.intake.privacy.cli", "find_requester"),
    "export-requester": ("services.intake.privacy.cli", "export_requester"),
    "erase-requester": ("services.intake.privacy.cli", "erase_requester"),
}
"""Command, module, function. Each process imports what it runs: imports are most of a start."""


def serve_web(settings: IntakeSettings) -> None:
    """Serves the API and the portal, for ever."""
    warn_of_retired(settings)
    with starting():
        from services.intake.app import build  # only this process pays for the import
        from shared.kit.processes import BESIDE_AGENTS, serve
        from shared.kit.trace_export import configure_tracing

        configure_tracing(settings, "intake")
        app = build(settings)
    serve(app, settings, niceness=BESIDE_AGENTS)


def warn_of_retired(settings: IntakeSettings) -> None:
    """Says which variables are set that have no effect any more."""
    for name in RETIRED & settings.model_fields_set:
        log.warning("setting.ignored", setting=f"EVERDESK_{name.upper()}", instead="EVERDESK_FORM_MIN_SECONDS")


def serve_mail() -> None:
    """Takes mail in, for ever."""
    with starting():
        from services.intake.mail.app import build as build_mail  # as above
        from services.intake.mail.settings import MailSettings
        from shared.kit.processes import IN_THE_BACKGROUND, serve
        from shared.kit.trace_export import configure_tracing

        settings = MailSettings()
        configure_tracing(settings, "mail_in")
        app = build_mail(settings)
    serve(app, settings, niceness=IN_THE_BACKGROUND)


def run_migrate(settings: IntakeSettings) -> None:
    """Brings the database to the newest migration."""
    from shared.kit.db import migrate  # as above

    asyncio.run(migrate(settings, PACKAGE))


def main() -> None:
    """Builds what the command needs, and runs it."""
    settings = IntakeSettings()
    configure_logging(settings, "intake")

    def with_database(module: str, function: str) -> Callable[[], None]:
        async def run() -> None:
            with starting():
                from shared.kit.db import Database  # as above

                loaded = import_module(module)
            database = Database.connect(settings)
            try:
                await getattr(loaded, function)(database, settings)
            finally:
                await database.dispose()

        return lambda: asyncio.run(run())

    dispatch(
        {
            "mail": serve_mail,
            "serve": lambda: serve_web(settings),
            "migrate": lambda: run_migrate(settings),
            **{name: with_database(*job) for name, job in JOBS.items()},
        }
    )


if __name__ == "__main__":
    main()
