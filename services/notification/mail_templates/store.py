"""The edited templates in force, compiled once and looked at again every few seconds."""

import time

from sqlalchemy import func, select

from services.notification.delivery.templates import TemplateName
from services.notification.mail_templates.content import TemplateContent
from services.notification.mail_templates.rendering import CompiledTemplate, compile_content
from services.notification.models.edited_templates import mail_template_versions as versions
from shared.kit.db import Database, Session
from shared.kit.telemetry import log

FRESH_SECONDS = 5.0
"""How long a process may go on with what it knows after another one saved a version."""


class EditedTemplates:
    """What was edited, by template and language."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._compiled: dict[tuple[str, str], CompiledTemplate] = {}
        self._rows = 0
        self._look_at = 0.0
        self._is_outdated = False

    def find(self, name: TemplateName, tag: str) -> CompiledTemplate | None:
        """Returns the edited template of a language; None where the shipped one is in force."""
        return self._compiled.get((name.value, tag))

    def forget_age(self) -> None:
        """Makes the next `refresh` look; for the process that saved a version."""
        self._look_at, self._is_outdated = 0.0, True

    async def refresh(self) -> None:
        """Reads the templates again if they may have changed. Rows are only ever added: their number tells."""
        if time.monotonic() < self._look_at:
            return
        self._is_outdated = False
        async with self._database.begin() as session:
            rows = await session.scalar(select(func.count()).select_from(versions)) or 0
            if rows != self._rows:
                self._compiled, self._rows = await _compiled_in_force(session), rows
        self._look_at = 0.0 if self._is_outdated else time.monotonic() + FRESH_SECONDS


async def _compiled_in_force(session: Session) -> dict[tuple[str, str], CompiledTemplate]:
    newest = (
        select(versions)
        .distinct(versions.c.template, versions.c.language)
        .order_by(versions.c.template, versions.c.language, versions.c.version.desc())
    )
    found: dict[tuple[str, str], CompiledTemplate] = {}
    for row in await session.execute(newest):
        if row.subject is None:
            continue
        try:
            content = TemplateContent(row.subject, row.html, row.text)
            found[row.template, row.language] = compile_content(TemplateName(row.template), content)
        except Exception as error:  # noqa: BLE001 - saved by another release: the shipped template is sent instead
            log.error("mail.edited_template_unusable", template=row.template, error=type(error).__name__)
    return found
