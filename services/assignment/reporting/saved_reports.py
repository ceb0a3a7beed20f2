"""Saved reports: kept under a name by those who may read reports, and shared with a team."""

from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy import func as sql

from services.assignment.app_state import AppState
from services.assignment.commands.configuration.administration import apply_changes, changes_of, changing
from services.assignment.errors import not_permitted, refuse_reader
from services.assignment.models import Agent, SavedReport
from services.assignment.queries.access.callers import Caller
from services.assignment.reporting.catalogue import REPORTS, ReportParameters
from services.assignment.schemas.saved_reports import SavedReportInput, SavedReportPatch, SavedReportView
from shared.contracts.vocabulary import Permission
from shared.domain.permissions import holds
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Session
from shared.kit.http.problems import Problem, not_found

MOST_REPORTS = 100
"""Saved reports that an agent may have."""
PATH = "/reports/saved"


async def list_saved_reports(session: Session, caller: Caller) -> list[SavedReportView]:
    """Those of the caller and of their teams, by name."""
    query = (
        select(SavedReport, Agent.name)
        .join(Agent, Agent.id == SavedReport.owner_id)
        .where(_is_seen(caller))
        .order_by(sql.lower(SavedReport.name), SavedReport.id)
        .limit(2 * MOST_REPORTS)
    )
    return [_view(caller, saved, owner) for saved, owner in (await session.execute(query)).tuples()]


async def get_saved_report(session: Session, caller: Caller, report_id: UUID) -> SavedReportView:
    """One of them. Raises Problem 404."""
    query = (
        select(SavedReport, Agent.name)
        .join(Agent, Agent.id == SavedReport.owner_id)
        .where(SavedReport.id == report_id, _is_seen(caller))
    )
    found = (await session.execute(query)).tuples().one_or_none()
    if found is None:
        raise not_found("saved report")
    return _view(caller, *found)


def address_of(saved: SavedReportView) -> str:
    """The page of the report with the saved parameters."""
    return REPORTS[saved.report].address(ReportParameters.model_validate(saved.parameters))


async def save_report(session: Session, caller: Caller, asked: SavedReportInput) -> SavedReportView:
    """Keeps a report. Raises Problem 403 for a program or a team of others, 409 for too many."""
    if caller.person_id is None:
        raise Problem(403, "not_permitted", "only an agent has saved reports")
    _check_sharing(caller, asked.team_id)
    owned = await session.scalar(select(sql.count()).where(SavedReport.owner_id == caller.agent_id))
    if (owned or 0) >= MOST_REPORTS:
        raise Problem(409, "too_many_reports", f"you have {MOST_REPORTS} saved reports; delete one first")
    saved = SavedReport(
        id=new_id(),
        name=asked.name,
        report=asked.report,
        parameters=asked.parameters.model_dump(mode="json"),
        owner_id=caller.agent_id,
        team_id=asked.team_id,
        version=1,
        created_at=utc_now(),
    )
    session.add(saved)
    await session.flush()
    return _view(caller, saved, caller.name)


async def change_saved_report(
    context: AppState, caller: Caller, report_id: UUID, asked: SavedReportPatch
) -> SavedReportView:
    """Renames or shares it. Raises Problem 403 and 404."""
    changes = changes_of(asked, frozenset({"team_id"}))
    async with changing(context, None) as session:
        saved = await _editable(session, caller, report_id)
        if "team_id" in changes and changes["team_id"] != saved.team_id:
            _check_sharing(caller, changes["team_id"])
        if apply_changes(saved, changes):
            saved.version += 1
            await session.flush()
        return await get_saved_report(session, caller, report_id)


async def delete_saved_report(context: AppState, caller: Caller, report_id: UUID) -> None:
    """Takes it away from everybody who had it. Raises Problem 403 and 404."""
    async with changing(context, None) as session:
        await session.delete(await _editable(session, caller, report_id))


async def _editable(session: Session, caller: Caller, report_id: UUID) -> SavedReport:
    await get_saved_report(session, caller, report_id)
    saved = await session.get(SavedReport, report_id, with_for_update=True)
    if saved is None:
        raise not_found("saved report")
    if not _may_edit(caller, saved):
        raise not_permitted(Permission.ADMIN_TEAMS)
    if saved.team_id is not None:
        refuse_reader(caller.principal)
    return saved


def _is_seen(caller: Caller) -> ColumnElement[bool]:
    teams = {grant.team_id for grant in caller.principal.grants}
    return or_(SavedReport.owner_id == caller.agent_id, SavedReport.team_id.in_(teams))


def _may_edit(caller: Caller, saved: SavedReport) -> bool:
    is_shared = saved.team_id is not None
    return saved.owner_id == caller.agent_id or (is_shared and holds(caller.principal, Permission.ADMIN_TEAMS))


def _check_sharing(caller: Caller, team_id: UUID | None) -> None:
    """With one's own team, or by who administers teams; by nobody who only reads."""
    if team_id is not None:
        refuse_reader(caller.principal)
    own = {grant.team_id for grant in caller.principal.grants}
    if team_id is not None and team_id not in own and not holds(caller.principal, Permission.ADMIN_TEAMS):
        raise not_permitted(Permission.ADMIN_TEAMS)


def _view(caller: Caller, saved: SavedReport, owner: str) -> SavedReportView:
    return SavedReportView(
        id=saved.id,
        name=saved.name,
        report=saved.report,
        parameters=saved.parameters,
        team_id=saved.team_id,
        owner_id=saved.owner_id,
        owner=owner,
        link=f"{PATH}/{saved.id}",
        is_editable=_may_edit(caller, saved),
        version=saved.version,
    )
