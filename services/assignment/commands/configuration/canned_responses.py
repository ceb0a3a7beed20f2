"""Administration of canned responses."""

from uuid import UUID

from services.assignment.app_state import AppState
from services.assignment.commands.configuration.administration import apply_changes, changes_of, changing, get_locked
from services.assignment.commands.configuration.audit import record_change
from services.assignment.models import CannedResponse, Team
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.administration.canned_responses import view_of
from services.assignment.schemas.canned_responses import (
    CannedResponseInput,
    CannedResponsePatch,
    CannedResponseView,
)
from shared.contracts.vocabulary import BodyFormat
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Session
from shared.kit.http.body_check import check_body
from shared.kit.http.problems import invalid

WHAT = "canned response"


async def create_canned_response(context: AppState, session: Session, body: CannedResponseInput) -> CannedResponseView:
    """Adds a canned response."""
    await check_body(context.renderer, body.body, BodyFormat.MARKDOWN)
    await _check_team(session, body.team_id)
    response = CannedResponse(id=new_id(), version=1, updated_at=utc_now(), **body.model_dump())
    session.add(response)
    await session.flush()
    await record_change(session, None, view_of(response))
    return view_of(response)


async def change_canned_response(
    context: AppState, by: Caller, response_id: UUID, body: CannedResponsePatch
) -> CannedResponseView:
    """Changes a canned response; replies that began with it stay as they are."""
    changes = changes_of(body, nullable=frozenset({"team_id"}))
    if body.body is not None:
        await check_body(context.renderer, body.body, BodyFormat.MARKDOWN)
    async with changing(context, by) as session:
        response = await get_locked(session, CannedResponse, response_id, WHAT)
        before = view_of(response)
        if changes.get("team_id") not in {None, response.team_id}:
            await _check_team(session, body.team_id)
        if not apply_changes(response, changes):
            return before
        response.version += 1
        response.updated_at = utc_now()
        await session.flush()
        await record_change(session, before, view_of(response))
        return view_of(response)


async def delete_canned_response(context: AppState, by: Caller, response_id: UUID) -> None:
    """Takes a canned response away; the audit log keeps what it said. Raises Problem 404."""
    async with changing(context, by) as session:
        response = await get_locked(session, CannedResponse, response_id, WHAT)
        await record_change(session, view_of(response), None)
        await session.delete(response)


async def _check_team(session: Session, team_id: UUID | None) -> None:
    team = await session.get(Team, team_id) if team_id else None
    if team_id and (team is None or not team.is_active):
        raise invalid("/team_id", "there is no such active team")
