"""Change history of a topic, from intake's audit log."""

from datetime import datetime
from typing import Any

from services.assignment.app_state import AppState
from services.assignment.queries.access.callers import Caller
from services.assignment.web.admin.intake.admin_client import ask
from services.assignment.web.admin.version_changes import changes_between
from shared.kit.http.problems import not_found

SHOWN = 20
CONTENT = ("slug", "name", "description", "is_public", "priority", "form", "thanks", "legacy_id")
"""What a topic's PUT takes."""


async def changes_of_topic(context: AppState, caller: Caller, topic_id: str) -> list[dict[str, Any]]:
    """The latest changes, newest first, with their differences; all but the newest can be restored."""
    entries = await _entries(context, caller, topic_id)
    return [
        {
            "seq": entry["seq"],
            "at": datetime.fromisoformat(entry["at"]),
            "by": entry["actor_name"],
            "changes": changes_between(entry["before"] or {}, entry["after"] or {}) if entry["before"] else [],
            "is_newest": number == 0,
        }
        for number, entry in enumerate(entries)
    ]


async def content_after(context: AppState, caller: Caller, topic_id: str, seq: int) -> dict[str, Any]:
    """The topic's content after a given change. Raises Problem 404."""
    for entry in await _entries(context, caller, topic_id):
        if entry["seq"] == seq and entry["after"]:
            return {name: entry["after"][name] for name in CONTENT if name in entry["after"]}
    raise not_found("version of this topic")


async def _entries(context: AppState, caller: Caller, topic_id: str) -> list[dict[str, Any]]:
    query = {"kind": "topic", "subject": topic_id, "limit": str(SHOWN)}
    entries: list[dict[str, Any]] = (await ask(context, caller, "GET", "/audit", query=query)).body["items"]
    return entries
