"""Makes the mails that tell requesters of a resolution ask for a rating, where the survey says so."""

import hashlib
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.dialects.postgresql import insert

from services.notification.csat.survey import CsatSurvey, load_survey
from services.notification.decisions.event_rules import REQUESTER, RESOLVED_BY
from services.notification.delivery.channels import DeliveryChannel
from services.notification.delivery.status import DeliveryStatus
from services.notification.delivery.templates import TemplateName
from services.notification.models.csat import ASKED, csat_asks
from shared.contracts.base import AgentId, TeamId, TicketId
from shared.contracts.events import CsatAsked
from shared.kit import outbox
from shared.kit.addresses import address_key
from shared.kit.clock import utc_now
from shared.kit.db import Session

SettledRow = tuple[Row[*tuple[Any, ...]], dict[str, Any]]
"""A row of the ledger, and the values that it is about to get."""


async def ask_for_ratings(session: Session, settled: Sequence[SettledRow]) -> None:
    """Puts the question into those of the mails that may ask, and announces each.

    A requester is asked at most once per resolution, and not again for a while. Copies to others never ask.
    """
    asking = [(row, values) for row, values in settled if _could_ask(row, values)]
    survey = await load_survey(session) if asking else CsatSurvey()
    if not survey.is_on:
        return
    now = utc_now()
    recent = await _recently_asked(session, {_key(values["address"]) for _, values in asking}, survey, now)
    for row, values in asking:
        key = _key(values["address"])
        if key in recent or not await _note(session, row, key, now):
            continue
        if survey.days_between:
            recent.add(key)
        values["facts"] = values["facts"] | {ASKED: row.facts[RESOLVED_BY]["resolution"]}
        asked = _event(row, survey, now)
        await outbox.add(session, asked, f"{asked.ticket_id}:csat-asked:{asked.resolution}", now)


def _could_ask(row: Row[*tuple[Any, ...]], values: dict[str, Any]) -> bool:
    return (
        row.template == TemplateName.RESOLVED
        and row.recipient == REQUESTER.key
        and row.channel == DeliveryChannel.MAIL
        and values["status"] == DeliveryStatus.QUEUED.value
        and RESOLVED_BY in row.facts
    )


async def _recently_asked(session: Session, keys: Collection[str], survey: CsatSurvey, now: datetime) -> set[str]:
    if not survey.days_between:
        return set()
    since = now - timedelta(days=survey.days_between)
    query = select(csat_asks.c.requester_key).where(csat_asks.c.requester_key.in_(keys), csat_asks.c.asked_at > since)
    return set(await session.scalars(query))


async def _note(session: Session, row: Row[*tuple[Any, ...]], key: str, now: datetime) -> bool:
    """Remembers the question; False if it was asked already."""
    values = {
        "ticket_id": row.ticket_id,
        "resolution": row.facts[RESOLVED_BY]["resolution"],
        "requester_key": key,
        "asked_at": now,
    }
    written = insert(csat_asks).values(values).on_conflict_do_nothing().returning(csat_asks.c.resolution)
    return (await session.scalar(written)) is not None


def _event(row: Row[*tuple[Any, ...]], survey: CsatSurvey, now: datetime) -> CsatAsked:
    about = row.facts[RESOLVED_BY]
    return CsatAsked(
        ticket_id=TicketId(row.ticket_id),
        resolution=about["resolution"],
        team_id=TeamId(UUID(about["team_id"])) if about["team_id"] else None,
        agent_id=AgentId(UUID(about["agent_id"])) if about["agent_id"] else None,
        asked_at=now,
        open_until=now + timedelta(days=survey.open_days),
    )


def _key(address: str) -> str:
    return hashlib.sha256(address_key(address).encode()).hexdigest()[:40]
