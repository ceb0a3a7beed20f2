"""`python -m deploy.local.mail`: the sink as a process of its own."""

import uvicorn

from deploy.local.mail.app import create_app
from deploy.local.mail.settings import MailSinkSettings


def main() -> None:
    settings = MailSinkSettings()
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=3,
    )


if __name__ == "__main__":
    main()
