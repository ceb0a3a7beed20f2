"""Administration of saved views."""

from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from services.assignment.commands.configuration.administration import apply_changes
from services.assignment.errors import not_permitted, refuse_reader
from services.assignment.models import DeskPreferences, SavedView
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.saved_views import MOST_VIEWS, filters_of, get_saved_view, may_edit, saved_view
from services.assignment.queries.ticket_lists.counting import count_lists
from services.assignment.schemas.desk import (
    PreferencesInput,
    PreferencesView,
    SavedViewInput,
    SavedViewPatch,
    Sharing,
    ViewAnswer,
)
from shared.contracts.vocabulary import Permission
from shared.domain.permissions import holds
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Session
from shared.kit.http.problems import Problem, invalid


async def save_view(session: Session, caller: Caller, asked: SavedViewInput) -> ViewAnswer:
    """A new view. Raises Problem 403 and 409."""
    _require_person(caller)
    _check_sharing(caller, asked.sharing, asked.team_id)
    owned = await session.scalar(select(func.count()).where(SavedView.owner_id == caller.agent_id))
    if (owned or 0) >= MOST_VIEWS:
        raise Problem(409, "too_many_views", f"you have {MOST_VIEWS} views; delete one first")
    now = utc_now()
    view = SavedView(
        id=new_id(),
        name=asked.name,
        owner_id=caller.agent_id,
        sharing=asked.sharing.value,
        team_id=asked.team_id,
        filters=asked.filters.stored,
        columns=[column.value for column in asked.columns],
        sort=asked.sort.value,
        version=1,
        created_at=now,
        updated_at=now,
    )
    session.add(view)
    await session.flush()
    return await answer_of(session, caller, view)


async def change_view(session: Session, caller: Caller, view_id: UUID, asked: SavedViewPatch) -> ViewAnswer:
    """What is given, in place of what was. Raises Problem 403 and 404."""
    view = await _editable(session, caller, view_id)
    sharing = asked.sharing or Sharing(view.sharing)
    team_id = asked.team_id if "team_id" in asked.model_fields_set else view.team_id
    if sharing is not Sharing.TEAM:
        team_id = None
    elif team_id is None:
        raise invalid("/team_id", "name the team that the view is shared with")
    if (sharing.value, team_id) != (view.sharing, view.team_id):
        _check_sharing(caller, sharing, team_id)
    changes: dict[str, Any] = {"sharing": sharing.value, "team_id": team_id}
    changes |= {name: value for name in ("name", "sort") if (value := getattr(asked, name)) is not None}
    if asked.filters is not None:
        changes["filters"] = asked.filters.stored
    if asked.columns is not None:
        changes["columns"] = [column.value for column in asked.columns]
    if apply_changes(view, changes):
        view.version, view.updated_at = view.version + 1, utc_now()
        await session.flush()
    return await answer_of(session, caller, view)


async def delete_view(session: Session, caller: Caller, view_id: UUID) -> None:
    """Takes a view away from everybody who had it. Raises Problem 403 and 404."""
    await session.delete(await _editable(session, caller, view_id))


async def answer_of(session: Session, caller: Caller, view: SavedView) -> ViewAnswer:
    """The view with its count."""
    (count,) = await count_lists(session, caller, [filters_of(view)], utc_now())
    return saved_view(caller, view, count)


async def set_preferences(session: Session, caller: Caller, asked: PreferencesInput) -> PreferencesView:
    """How the caller wants the desk shown from now on."""
    _require_person(caller)
    values = asked.model_dump(mode="json")
    row = insert(DeskPreferences).values(agent_id=caller.agent_id, **values)
    await session.execute(row.on_conflict_do_update(index_elements=["agent_id"], set_=values))
    return PreferencesView.model_validate(values)


async def _editable(session: Session, caller: Caller, view_id: UUID) -> SavedView:
    view = await get_saved_view(session, caller, view_id)
    if not may_edit(caller, view):
        raise not_permitted(Permission.ADMIN_TEAMS)
    if Sharing(view.sharing) is not Sharing.PERSONAL:
        refuse_reader(caller.principal)
    return view


def _require_person(caller: Caller) -> None:
    if caller.person_id is None:
        raise Problem(
            403, "not_permitted", "only an agent has views and settings; a program says what it wants each time"
        )


def _check_sharing(caller: Caller, sharing: Sharing, team_id: UUID | None) -> None:
    """With one's own team, or by who administers teams; by nobody who only reads."""
    if sharing is not Sharing.PERSONAL:
        refuse_reader(caller.principal)
    is_admin = holds(caller.principal, Permission.ADMIN_TEAMS)
    own = {grant.team_id for grant in caller.principal.grants}
    if sharing is Sharing.EVERYBODY and not is_admin:
        raise not_permitted(Permission.ADMIN_TEAMS)
    if sharing is Sharing.TEAM and team_id not in own and not is_admin:
        raise not_permitted(Permission.ADMIN_TEAMS)
