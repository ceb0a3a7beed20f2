"""The process: `python -m services.notification.main serve|migrate`."""

import asyncio

from services.notification.settings import NotificationSettings
from shared.kit.command_line import dispatch
from shared.kit.garbage import starting
from shared.kit.telemetry import configure_logging

PACKAGE = "services.notification"


def serve_web(settings: NotificationSettings) -> None:
    """Serves HTTP until the process is stopped."""
    with starting():
        from services.notification.app import build  # only the serving process pays for the import
        from shared.kit.processes import IN_THE_BACKGROUND, serve
        from shared.kit.trace_export import configure_tracing

        configure_tracing(settings, "notification")
        app = build(settings)
    serve(app, settings, niceness=IN_THE_BACKGROUND)


def run_migrate(settings: NotificationSettings) -> None:
    """Brings the database to the newest migration."""
    from shared.kit.db import migrate  # as above

    asyncio.run(migrate(settings, PACKAGE))


def main() -> None:
    """Runs the command `serve` or `migrate`."""
    settings = NotificationSettings()
    configure_logging(settings, "notification")
    dispatch(
        {
            "serve": lambda: serve_web(settings),
            "migrate": lambda: run_migrate(settings),
        }
    )


if __name__ == "__main__":
    main()
