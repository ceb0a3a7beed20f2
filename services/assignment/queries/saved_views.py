"""The views of an agent: built-in, personal, and shared with their teams or everybody."""

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, func, or_, select

from services.assignment.models import DeskPreferences, SavedView
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.lists import Filters, QueueView, Sort
from services.assignment.queries.ticket_lists.counting import ViewCount, count_lists
from services.assignment.schemas.desk import (
    COLUMNS,
    Column,
    FilterInput,
    PreferencesView,
    Sharing,
    ViewAnswer,
)
from shared.contracts.vocabulary import Permission
from shared.domain.permissions import holds
from shared.kit.db import Session
from shared.kit.http.problems import not_found
from shared.kit.i18n.messages import marked as _

NAMES: Final = {
    QueueView.MINE: _("Mine"),
    QueueView.TEAM: _("My teams"),
    QueueView.UNASSIGNED: _("Unassigned"),
    QueueView.OVERDUE: _("Overdue"),
    QueueView.ALL: _("All"),
}
MOST_VIEWS: Final = 50
"""Saved views that an agent may have."""


OWNER_ID: Final = bindparam("owner_id", type_=Uuid())
TEAM_IDS: Final = bindparam("team_ids", type_=ARRAY(Uuid()))
IS_SEEN: Final = or_(
    SavedView.owner_id == OWNER_ID,
    SavedView.sharing == Sharing.EVERYBODY.value,
    (SavedView.sharing == Sharing.TEAM.value) & (SavedView.team_id == func.any(TEAM_IDS)),
)
"""Which saved views a caller may use."""
SEEN: Final = select(SavedView).where(IS_SEEN).order_by(SavedView.name, SavedView.id).limit(2 * MOST_VIEWS)
SEEN_ONE: Final = select(SavedView).where(SavedView.id == bindparam("view_id", type_=Uuid()), IS_SEEN)
"""Built once: the first runs with every page of the queue."""


def may_edit(caller: Caller, view: SavedView) -> bool:
    """Their own; what everybody has also who administers teams."""
    is_shared = view.sharing != Sharing.PERSONAL.value
    return view.owner_id == caller.agent_id or (is_shared and holds(caller.principal, Permission.ADMIN_TEAMS))


async def list_saved_views(session: Session, caller: Caller) -> Sequence[SavedView]:
    """Those the caller may use, by name."""
    return (await session.scalars(SEEN, _seen_by(caller))).all()


async def get_saved_view(session: Session, caller: Caller, view_id: UUID) -> SavedView:
    """One of those the caller may use. Raises Problem 404."""
    view = await session.scalar(SEEN_ONE, _seen_by(caller) | {"view_id": view_id})
    if view is None:
        raise not_found("view")
    return view


def _seen_by(caller: Caller) -> dict[str, Any]:
    teams = sorted({grant.team_id for grant in caller.principal.grants})
    return {"owner_id": caller.agent_id, "team_ids": teams}


def filters_of(view: SavedView) -> Filters:
    """What a saved view is narrowed to."""
    return FilterInput.model_validate(view.filters).filters


def over(saved: Filters, own: Filters) -> Filters:
    """A saved view narrowed further: what is asked for beside it takes the place of what it says itself."""
    given = {field.name: getattr(own, field.name) for field in fields(own) if field.name != "view"}
    both = " ".join(one for one in (saved.q, own.q) if one)
    return replace(saved, **({name: value for name, value in given.items() if value} | {"q": both or None}))


async def list_views(session: Session, caller: Caller, now: datetime) -> list[ViewAnswer]:
    """All of them, with their counts."""
    saved = await list_saved_views(session, caller)
    lists = [*(Filters(view) for view in QueueView), *(filters_of(view) for view in saved)]
    counts = await count_lists(session, caller, lists, now)
    built_in = [_built_in(view, count) for view, count in zip(QueueView, counts, strict=False)]
    return built_in + [saved_view(caller, view, one) for view, one in zip(saved, counts[len(built_in) :], strict=True)]


def _built_in(view: QueueView, count: ViewCount) -> ViewAnswer:
    return ViewAnswer(
        id=view.value,
        name=NAMES[view],
        is_built_in=True,
        sharing=Sharing.EVERYBODY,
        filters={"view": view.value},
        columns=COLUMNS,
        sort=Sort.DUE,
        count=min(count.known, 999),
        count_shown=count.shown,
        is_count_exact=count.is_exact and count.known <= 999,
    )


def saved_view(caller: Caller, view: SavedView, count: ViewCount) -> ViewAnswer:
    """A saved view as answered."""
    return ViewAnswer(
        id=str(view.id),
        name=view.name,
        is_built_in=False,
        sharing=Sharing(view.sharing),
        team_id=view.team_id,
        owner_id=view.owner_id,
        is_editable=may_edit(caller, view),
        filters=view.filters,
        columns=tuple(Column(one) for one in view.columns),
        sort=Sort(view.sort),
        count=min(count.known, 999),
        count_shown=count.shown,
        is_count_exact=count.is_exact and count.known <= 999,
        version=view.version,
    )


async def get_preferences(session: Session, caller: Caller) -> PreferencesView:
    """How the caller wants the desk shown."""
    row = await session.get(DeskPreferences, caller.agent_id)
    if row is None:
        return PreferencesView()
    return PreferencesView.model_validate(
        {"density": row.density, "time_zone": row.time_zone, "has_reading_pane": row.has_reading_pane}
    )
