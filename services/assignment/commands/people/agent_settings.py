"""An agent's desk settings: time zone, density, shortcuts."""

from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.dialects.postgresql import insert

from services.assignment.app_state import AppState
from services.assignment.commands.people.announcements import language_changed
from services.assignment.models import AgentSettings, DeskPreferences
from services.assignment.queries.access.callers import Caller, get_preferences
from services.assignment.schemas.editing import AgentSettingsInput, AgentSettingsView
from shared.contracts.base import AgentId
from shared.kit.clock import utc_now

SHOWN: dict[str, Any] = {"density": "comfortable", "time_zone": "", "has_reading_pane": False, "language": ""}
"""How the desk is shown to who has never said otherwise."""


async def change_settings(context: AppState, caller: Caller, body: AgentSettingsInput) -> AgentSettingsView:
    """Changes what is named, and answers the whole."""
    named = {name: getattr(body, name) for name in body.model_fields_set}
    working: dict[str, Any] = {name: named[name] for name in ("undo_seconds", "shortcuts") if name in named}
    if "shortcuts" in working:
        working["shortcuts"] = working["shortcuts"] or {}
    shown = ("density", "time_zone", "language")
    showing: dict[str, Any] = {name: named[name] or SHOWN[name] for name in shown if name in named}
    async with context.database.begin() as session:
        spoken = await session.scalar(_language_of(caller.agent_id)) or ""
        for model, values, changed in ((AgentSettings, working, working), (DeskPreferences, SHOWN | showing, showing)):
            if changed:
                new = insert(model).values(agent_id=caller.agent_id, **values)
                await session.execute(new.on_conflict_do_update(index_elements=["agent_id"], set_=changed))
        if showing.get("language", spoken) != spoken:
            await language_changed(session, caller.agent_id, utc_now())
    return await find_settings(context, caller.agent_id)


def _language_of(agent_id: AgentId) -> Select[str]:
    return select(DeskPreferences.language).where(DeskPreferences.agent_id == agent_id)


async def find_settings(context: AppState, agent_id: AgentId) -> AgentSettingsView:
    """What the agent has set; nothing where they never did."""
    own = await get_preferences(context.database, agent_id)
    return AgentSettingsView(
        undo_seconds=own.undo_seconds,
        time_zone=own.time_zone,
        density=own.density,
        language=own.language,
        shortcuts=dict(own.shortcuts),
    )
