"""Reads and changes edited templates: each change is a version, one audited transaction."""

from typing import Any

from sqlalchemy import func, insert, select

from services.notification.delivery.templates import TemplateName
from services.notification.mail_templates.content import TemplateContent
from services.notification.mail_templates.defaults import default_content
from services.notification.mail_templates.schemas import TemplateVersionView
from services.notification.models.edited_templates import mail_template_versions as versions
from shared.kit.administrator_passes import Administrator
from shared.kit.configuration_changes import record_change
from shared.kit.db import Session
from shared.kit.http.problems import Problem, not_found

MOST_SHOWN = 100


async def list_versions(session: Session, name: TemplateName, tag: str) -> list[TemplateVersionView]:
    """Returns the newest versions of a template in a language, the one in force first; empty if never edited."""
    query = (
        select(versions)
        .where(versions.c.template == name.value, versions.c.language == tag)
        .order_by(versions.c.version.desc())
        .limit(MOST_SHOWN)
    )
    return [_view(row, name, tag) for row in await session.execute(query)]


async def current_version(session: Session, name: TemplateName, tag: str) -> TemplateVersionView:
    """Returns what is in force; version 0 is the shipped default that nobody edited yet."""
    found = await list_versions(session, name, tag)
    return found[0] if found else TemplateVersionView.shipped(default_content(name, tag))


async def get_version(session: Session, name: TemplateName, tag: str, version: int) -> TemplateVersionView:
    """Returns one version; 0 is the shipped default. Raises Problem 404 for one that was never made."""
    if version == 0:
        return TemplateVersionView.shipped(default_content(name, tag))
    is_it = (versions.c.template == name.value, versions.c.language == tag, versions.c.version == version)
    row = (await session.execute(select(versions).where(*is_it))).one_or_none()
    if row is None:
        raise not_found("version")
    return _view(row, name, tag)


async def save_version(
    session: Session,
    by: Administrator,
    place: tuple[TemplateName, str],
    content: TemplateContent | None,
    expected_version: int | None,
) -> TemplateVersionView:
    """Adds a version, or the shipped default for None; nothing is added if that is in force already.

    Raises Problem 412 if somebody else saved one after `expected_version`.
    """
    name, tag = place
    lock = func.pg_advisory_xact_lock(func.hashtextextended(f"mail_template:{name}:{tag}", 0))
    await session.execute(select(lock))
    before = await current_version(session, name, tag)
    if expected_version is not None and expected_version != before.version:
        raise Problem(412, "version_conflict", "the template was changed since: read it again")
    is_same = before.is_default if content is None else before.content == content and not before.is_default
    if is_same:
        return before
    parts: dict[str, Any] = {part: content and content.part(part) for part in ("subject", "html", "text")}
    place_values = {"template": name.value, "language": tag, "version": before.version + 1}
    author = {"author_id": by.id[:64], "author_name": by.name[:255]}
    await session.execute(insert(versions).values(**place_values, **author, **parts))
    after = await current_version(session, name, tag)
    subject = ("mail-template", f"{name}:{tag}", f"{name} ({tag})")
    await record_change(session, by, subject, _audited(before), _audited(after))
    return after


def _audited(version: TemplateVersionView) -> dict[str, Any]:
    return version.model_dump(mode="json", include={"subject", "html", "text", "is_default", "version"})


def _view(row: Any, name: TemplateName, tag: str) -> TemplateVersionView:
    content = default_content(name, tag) if row.subject is None else TemplateContent(row.subject, row.html, row.text)
    return TemplateVersionView(
        version=row.version,
        is_default=row.subject is None,
        subject=content.subject,
        html=content.html,
        text=content.text,
        author_id=row.author_id,
        author_name=row.author_name,
        created_at=row.created_at,
    )
