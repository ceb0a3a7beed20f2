"""Wall boards: made, listed and revoked by those who may read reports, and the figures that they show."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel
from sqlalchemy import select

from services.assignment.app_state import AppState
from services.assignment.commands.configuration.administration import changing
from services.assignment.commands.configuration.audit import KINDS, record_change
from services.assignment.errors import not_permitted, refuse_reader
from services.assignment.models import Agent, Team, WallBoard
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.people.people import team_ids
from services.assignment.queries.periods import Period
from services.assignment.queries.time_travel.open_tickets import OpenAt
from services.assignment.reporting.activity import get_activity_report
from services.assignment.reporting.attainment import get_sla_report
from services.assignment.reporting.open_tickets import get_workload_report
from services.assignment.schemas.activity import Dimension
from services.assignment.schemas.reports import GroupBy
from shared.contracts.base import AgentId, TeamId
from shared.contracts.vocabulary import Channel, Metric, Permission, Scope
from shared.domain.permissions import Grant, Principal, reach
from shared.kit.auth import digest_of, new_token
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Session
from shared.kit.http.problems import not_found
from shared.kit.i18n.messages import marked

WEEK = timedelta(days=7)
NOBODY = UUID(int=0)


class WallBoardView(BaseModel):
    """A wall board as it is listed and logged, without its link."""

    id: UUID
    name: str
    team: str | None
    """Null: all teams."""
    made_by: str
    created_at: datetime
    revoked_at: datetime | None


KINDS[WallBoardView] = "wall-board"


@dataclass(frozen=True, slots=True)
class BoardFigures:
    """What a wall board shows: numbers, and nobody's name."""

    name: str
    team: str | None
    at: datetime
    figures: tuple[tuple[str, str], ...]


async def list_boards(session: Session, caller: Caller) -> list[WallBoardView]:
    """The boards that work, of the teams that the caller's reports reach, the newest first."""
    reached = reach(caller.principal, Permission.REPORT_VIEW)
    query = (
        select(WallBoard, Team.name, Agent.name)
        .outerjoin(Team, Team.id == WallBoard.team_id)
        .join(Agent, Agent.id == WallBoard.agent_id)
        .where(WallBoard.revoked_at.is_(None))
        .order_by(WallBoard.created_at.desc(), WallBoard.id)
    )
    if not reached.is_everything:
        query = query.where(WallBoard.team_id.in_(reached.team_ids))
    return [_view(board, team, agent) for board, team, agent in (await session.execute(query)).tuples()]


async def create_board(context: AppState, caller: Caller, name: str, team: str) -> tuple[WallBoardView, str]:
    """Makes a board of a team, or of all; returns it with the link's token. Raises Problem 403 and 404."""
    refuse_reader(caller.principal)
    reached, token = reach(caller.principal, Permission.REPORT_VIEW), new_token()
    async with changing(context, caller) as session:
        team_id = await session.scalar(team_ids(team)) if team else None
        if team and team_id is None:
            raise not_found("team")
        if not reached.is_everything and team_id not in reached.team_ids:
            raise not_permitted(Permission.REPORT_VIEW)
        board = WallBoard(
            id=new_id(),
            name=name,
            token_hash=digest_of(token),
            team_id=team_id,
            agent_id=caller.agent_id,
            created_at=utc_now(),
        )
        session.add(board)
        await session.flush()
        view = _view(board, team or None, caller.name)
        await record_change(session, None, view)
    return view, token


async def revoke_board(context: AppState, caller: Caller, board_id: UUID) -> str:
    """Ends a board's link; returns its name. Raises Problem 403 and 404."""
    async with changing(context, caller) as session:
        found = next((one for one in await list_boards(session, caller) if one.id == board_id), None)
        board = await session.get(WallBoard, board_id, with_for_update=True)
        if found is None or board is None:
            raise not_found("wall board")
        refuse_reader(caller.principal)
        board.revoked_at = utc_now()
        await record_change(session, found, None)
    return found.name


async def show_board(session: Session, token: str, zone: str) -> BoardFigures:
    """The figures of a link's board. Raises Problem 404 if it never worked or works no more."""
    query = (
        select(WallBoard, Team.name)
        .outerjoin(Team, Team.id == WallBoard.team_id)
        .join(Agent, Agent.id == WallBoard.agent_id)
        .where(WallBoard.token_hash == digest_of(token), WallBoard.revoked_at.is_(None), Agent.is_active)
    )
    found = (await session.execute(query)).tuples().one_or_none()
    if found is None:
        raise not_found("wall board")
    board, team = found
    return BoardFigures(board.name, team, now := utc_now(), await _figures(session, _reader(board), zone, now))


def _reader(board: WallBoard) -> Caller:
    """Somebody who may read the reports of the board's team, or all, and nothing else."""
    scope = Scope.TEAMS if board.team_id else Scope.ALL
    grant = Grant(TeamId(board.team_id or NOBODY), scope, frozenset({Permission.REPORT_VIEW}))
    return Caller(Principal(AgentId(NOBODY), (grant,)), "", "", Channel.DESK, b"")


async def _figures(session: Session, reader: Caller, zone: str, now: datetime) -> tuple[tuple[str, str], ...]:
    today = datetime.combine(now.astimezone(ZoneInfo(zone)).date(), time(), ZoneInfo(zone))
    load = await get_workload_report(session, reader, None, OpenAt(now))
    day = Period(min(today, now - timedelta(seconds=1)), now, zone=zone, now=now)
    activity = await get_activity_report(session, reader, day, Dimension.TEAM, None)
    week = Period(now - WEEK, now, zone=zone, now=now)
    sla = {one.metric: one.attainment for one in (await get_sla_report(session, reader, week, GroupBy.TEAM)).total}
    unassigned = sum(one.open for one in load.items if one.id is None)
    shares = {
        marked("First response met, 7 days"): sla.get(Metric.FIRST_RESPONSE),
        marked("Resolution met, 7 days"): sla.get(Metric.RESOLUTION),
    }
    return (
        (marked("Open"), str(load.total.open)),
        (marked("Unassigned"), str(unassigned)),
        (marked("Overdue"), str(load.total.overdue)),
        (marked("Due in 1 hour"), str(load.total.due_within_1_hour)),
        (marked("Opened today"), str(activity.total.opened)),
        (marked("Resolved today"), str(activity.total.resolved)),
        *((name, "—" if share is None else f"{share} %") for name, share in shares.items()),
    )


def _view(board: WallBoard, team: str | None, agent: str) -> WallBoardView:
    return WallBoardView(
        id=board.id,
        name=board.name,
        team=team,
        made_by=agent,
        created_at=board.created_at,
        revoked_at=board.revoked_at,
    )
