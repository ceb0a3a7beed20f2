"""`python -m deploy.compile_texts`: compiles pages, mails and translations now, beside their sources.

Processes compile them when they first need them, and keep that where Python keeps compiled modules. In a container
nothing can be kept, so each start would do it again while somebody waits; building the image does it once for all.
"""

from tempfile import TemporaryDirectory

from services.assignment import app as assignment
from services.assignment.settings import AssignmentSettings
from services.intake import app as intake
from services.intake.settings import IntakeSettings
from services.notification.delivery.compose import Composer
from services.notification.settings import NotificationSettings
from shared.kit.i18n.compiled_catalogues import CATALOGUES, compiled_catalogue

NEEDED = {"link_secret": "x" * 32, "database_url": "postgresql+asyncpg://nobody@127.0.0.1:1/nothing"}
"""What the settings of a service insist on; nothing is connected to."""


def main() -> None:
    """Says nothing; a template that cannot be compiled ends it."""
    with TemporaryDirectory() as folder:
        intake.build(IntakeSettings.model_validate(NEEDED | {"storage_url": folder})).state.pages.compile_all()
    assignment.build(AssignmentSettings.model_validate(NEEDED | {"session_secret": "x" * 32})).state.pages.compile_all()
    Composer(NotificationSettings.model_validate(NEEDED))
    for catalogue in CATALOGUES.glob("*/everdesk.po"):
        compiled_catalogue(catalogue.parent.name)


if __name__ == "__main__":
    main()
