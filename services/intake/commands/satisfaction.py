"""Ratings of resolutions: the question is noted when the mail asks it, the answer when the requester gives it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from services.intake.models import SatisfactionSurvey, Ticket
from shared.contracts.base import AgentId, TeamId, TicketId
from shared.contracts.events import CsatAsked, CsatRated
from shared.kit import outbox
from shared.kit.db import Session
from shared.kit.http.problems import Problem
from shared.kit.telemetry import log

MAX_COMMENT = 2_000


@dataclass(frozen=True, slots=True)
class SatisfactionAnswer:
    """What a requester says."""

    score: int
    """From 1 to 5."""
    comment: str | None = None


async def note_survey(session: Session, asked: CsatAsked) -> UUID:
    """Opens a resolution to be rated; returns the ticket. Doing it twice does nothing."""
    ticket = await session.get(Ticket, asked.ticket_id)
    if ticket is None or ticket.erased_at is not None:
        log.info("csat.no_ticket", ticket_id=str(asked.ticket_id))
        return asked.ticket_id
    values = asked.model_dump(include={"ticket_id", "resolution", "team_id", "agent_id", "asked_at", "open_until"})
    await session.execute(insert(SatisfactionSurvey).values(values).on_conflict_do_nothing())
    return asked.ticket_id


async def find_survey(session: Session, ticket_id: UUID, resolution: int | None = None) -> SatisfactionSurvey | None:
    """Returns the question about a resolution, or the newest about the ticket."""
    query = select(SatisfactionSurvey).where(SatisfactionSurvey.ticket_id == ticket_id)
    if resolution is not None:
        query = query.where(SatisfactionSurvey.resolution == resolution)
    return (await session.scalars(query.order_by(SatisfactionSurvey.resolution.desc()).limit(1))).first()


async def rate(
    session: Session, ticket_id: UUID, resolution: int, answer: SatisfactionAnswer, now: datetime
) -> SatisfactionSurvey:
    """Records or changes the rating of a resolution, and announces it. The same answer again changes nothing.

    Raises Problem 404 if nothing was asked, 409 once the time for it is over.
    """
    held = select(SatisfactionSurvey).where(
        SatisfactionSurvey.ticket_id == ticket_id, SatisfactionSurvey.resolution == resolution
    )
    survey = (await session.scalars(held.with_for_update())).one_or_none()
    if survey is None:
        raise Problem(404, "not_found", "nobody was asked to rate this")
    if now >= survey.open_until:
        raise Problem(409, "rating_closed", "the time for rating this is over")
    if (survey.score, survey.comment) == (answer.score, answer.comment):
        return survey
    survey.score, survey.comment, survey.rated_at = answer.score, answer.comment, now
    survey.version += 1
    rated = _event(survey, answer, now)
    await outbox.add(session, rated, f"{ticket_id}:csat-rated:{resolution}:{survey.version}", now)
    return survey


async def forget_comments(session: Session, ticket_ids: list[UUID]) -> None:
    """Empties ratings of words; scores stay. What was not answered cannot be any more."""
    theirs = update(SatisfactionSurvey).where(SatisfactionSurvey.ticket_id.in_(ticket_ids))
    await session.execute(theirs.values(comment=None, open_until=SatisfactionSurvey.asked_at))


def _event(survey: SatisfactionSurvey, answer: SatisfactionAnswer, now: datetime) -> CsatRated:
    return CsatRated(
        ticket_id=TicketId(survey.ticket_id),
        resolution=survey.resolution,
        score=answer.score,
        comment=answer.comment,
        version=survey.version,
        team_id=TeamId(survey.team_id) if survey.team_id else None,
        agent_id=AgentId(survey.agent_id) if survey.agent_id else None,
        asked_at=survey.asked_at,
        rated_at=now,
    )
