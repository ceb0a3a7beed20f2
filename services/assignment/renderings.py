"""Rendered bodies of messages and notes: rendered on first view and cached in their rows."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from markupsafe import Markup
from sqlalchemy import Update, bindparam, select, union_all, update

from services.assignment.app_state import AppState
from services.assignment.models import Message, Note
from services.assignment.schemas.conversation import EntryView
from services.assignment.schemas.editing import EntryVersionView
from services.assignment.schemas.side_conversations import SideConversationView
from shared.contracts.vocabulary import BodyFormat
from shared.kit.user_content.rendering import VERSION, with_attachment_urls

MODELS: Mapping[str, type[Message | Note]] = {"message": Message, "note": Note}


async def rendered_bodies(context: AppState, entries: Sequence[EntryView]) -> dict[UUID, Markup]:
    """Returns the safe HTML of each entry by id."""
    known = await _kept(context, [entry for entry in entries if entry.body_format is not BodyFormat.TEXT])
    fresh: dict[str, list[dict[str, object]]] = {kind: [] for kind in MODELS}
    shown: dict[UUID, Markup] = {}
    for entry in entries:
        if (html := known.get(entry.id)) is None:
            rendered, is_lasting = await context.renderer.show_for_now(entry.body, entry.body_format)
            html = rendered.html
            if is_lasting and entry.body_format is not BodyFormat.TEXT:
                fresh[entry.kind].append({"shown_id": entry.id, "shown_body": entry.body, "html": html})
        shown[entry.id] = with_attachment_urls(html, {})
    if any(fresh.values()):
        await _keep(context, fresh)
    return shown


async def _kept(context: AppState, entries: Iterable[EntryView]) -> dict[UUID, str]:
    ids: dict[str, list[UUID]] = {kind: [] for kind in MODELS}
    for entry in entries:
        ids[entry.kind].append(entry.id)
    stored = [
        select(model.id, model.rendered).where(model.id.in_(ids[kind]), model.renderer == VERSION)
        for kind, model in MODELS.items()
        if ids[kind]
    ]
    if not stored:
        return {}
    async with context.database.single() as connection:
        rows = (await connection.execute(union_all(*stored))).all()
    return {row.id: row.rendered for row in rows if row.rendered is not None}


async def _keep(context: AppState, fresh: Mapping[str, Sequence[Mapping[str, object]]]) -> None:
    async with context.database.begin() as session:
        connection = await session.connection()
        for kind, rows in fresh.items():
            if rows:
                await connection.execute(_keeping(MODELS[kind]), rows)


def _keeping(model: type[Message | Note]) -> Update:
    """Stores renderings unless the body changed meanwhile, for instance by erasure."""
    return (
        update(model)
        .where(model.id == bindparam("shown_id"), model.body == bindparam("shown_body"))
        .values(rendered=bindparam("html"), renderer=VERSION)
    )


async def rendered_versions(
    context: AppState, versions: Sequence[EntryVersionView]
) -> list[tuple[EntryVersionView, Markup]]:
    """What an entry said before, each version with its safe HTML; too rarely looked at to be kept."""
    shown = [await context.renderer.show(one.body, one.body_format) for one in versions]
    return [(one, with_attachment_urls(html.html, {})) for one, html in zip(versions, shown, strict=True)]


async def side_bodies(context: AppState, conversations: Sequence[SideConversationView]) -> dict[UUID, Markup]:
    """Returns the safe HTML of each message of conversations beside a ticket, by id."""
    messages = [message for one in conversations for message in one.messages]
    shown = {one.id: (await context.renderer.show(one.body, one.body_format)).html for one in messages}
    return {message_id: with_attachment_urls(html, {}) for message_id, html in shown.items()}
