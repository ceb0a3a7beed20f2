"""The process: `python -m services.notification.main serve|migrate`."""

import asyncio

from services.notification.app import build
from services.notification.settings import NotificationSettings
from shared.kit.db import migrate
from shared.kit.processes import dispatch, serve
from shared.kit.telemetry import configure_logging

PACKAGE = "services.notification"


def main() -> None:
    """Builds what the command needs, and runs it."""
    settings = NotificationSettings()
    configure_logging(settings, "notification")
    dispatch(
        {
            "serve": lambda: serve(build(settings), settings),
            "migrate": lambda: asyncio.run(migrate(settings, PACKAGE)),
        }
    )


if __name__ == "__main__":
    main()
