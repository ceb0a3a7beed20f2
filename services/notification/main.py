"""The process: `python -m services.notification.main serve|migrate`."""

import asyncio

from services.notification.settings import NotificationSettings
from shared.kit.db import migrate
from shared.kit.processes import IN_THE_BACKGROUND, dispatch, serve
from shared.kit.telemetry import configure_logging
from shared.kit.trace_export import configure_tracing

PACKAGE = "services.notification"


def serve_web(settings: NotificationSettings) -> None:
    """Serves HTTP until the process is stopped."""
    from services.notification.app import build  # only the serving process pays for the import

    configure_tracing(settings, "notification")
    serve(build(settings), settings, niceness=IN_THE_BACKGROUND)


def main() -> None:
    """Runs the command `serve` or `migrate`."""
    settings = NotificationSettings()
    configure_logging(settings, "notification")
    dispatch(
        {
            "serve": lambda: serve_web(settings),
            "migrate": lambda: asyncio.run(migrate(settings, PACKAGE)),
        }
    )


if __name__ == "__main__":
    main()
