"""Notification's audit log of configuration changes."""

from typing import Annotated

from fastapi import Query

from services.notification.deps import State
from shared.kit.configuration_changes import ChangeFilter, ChangeView
from shared.kit.configuration_changes import list_changes as changes_in
from shared.kit.http.inputs import WrittenInstant
from shared.kit.http.paging import Cursor, Limit, Page
from shared.kit.http.routers import HttpRouter

router = HttpRouter(tags=["audit"])


@router.get("/audit")
async def list_changes(
    state: State,
    kind: Annotated[str, Query(max_length=64, description="Such as `webhook`")] = "",
    subject: Annotated[str, Query(max_length=255, description="An id or a name")] = "",
    actor: Annotated[str, Query(max_length=64, description="An agent's id, or `operator`")] = "",
    since: Annotated[WrittenInstant | None, Query(alias="from", description="Instant")] = None,
    until: Annotated[WrittenInstant | None, Query(alias="to", description="Instant, not included")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[ChangeView]:
    """Changes of notification's configuration, newest first. Entries are never changed or removed."""
    async with state.database.begin() as session:
        return await changes_in(session, ChangeFilter(kind, subject, actor, since, until), limit, cursor)
