"""The process: `python -m services.intake.main COMMAND`: serve, migrate, seed, and those for keys and people."""

import asyncio
from collections.abc import Awaitable, Callable

from services.intake import cli
from services.intake.app import build
from services.intake.commands.seed import seed
from services.intake.mail import cli as mail_cli
from services.intake.privacy import cli as privacy
from services.intake.settings import IntakeSettings
from shared.kit.db import Database, migrate
from shared.kit.processes import dispatch, serve
from shared.kit.telemetry import configure_logging

PACKAGE = "services.intake"


def serve_mail() -> None:
    """Takes mail in, for ever."""
    from services.intake.mail.process import build as build_mail  # only this process pays for the import
    from services.intake.mail.settings import MailSettings

    settings = MailSettings()
    serve(build_mail(settings), settings)


def main() -> None:
    """Builds what the command needs, and runs it."""
    settings = IntakeSettings()
    configure_logging(settings, "intake")

    def with_database(job: Callable[[Database, IntakeSettings], Awaitable[None]]) -> Callable[[], None]:
        async def run() -> None:
            database = Database.connect(settings)
            try:
                await job(database, settings)
            finally:
                await database.dispose()

        return lambda: asyncio.run(run())

    dispatch(
        {
            "mail": serve_mail,
            "serve": lambda: serve(build(settings), settings),
            "migrate": lambda: asyncio.run(migrate(settings, PACKAGE)),
            "seed": with_database(seed),
            "create-key": with_database(cli.create_key),
            "import-osticket-key": with_database(cli.import_osticket_key),
            "list-keys": with_database(cli.list_all_keys),
            "rotate-key": with_database(cli.rotate),
            "revoke-key": with_database(cli.revoke),
            "list-mails": with_database(mail_cli.list_mails),
            "show-mail": with_database(mail_cli.show_mail),
            "open-mail": with_database(mail_cli.open_mail),
            "retry-mail": with_database(mail_cli.retry_mail),
            "find-requester": with_database(privacy.find_requester),
            "export-requester": with_database(privacy.export_requester),
            "erase-requester": with_database(privacy.erase_requester),
        }
    )


if __name__ == "__main__":
    main()
