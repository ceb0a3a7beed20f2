"""The tickets of alerts: opened, collected in one during a storm, and written to."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.intake.alerts import texts
from services.intake.alerts.reports import AlertReport, line_of
from services.intake.alerts.sources import SourceRules
from services.intake.commands.merged_tickets import target_of
from services.intake.commands.new_message import NewMessage
from services.intake.commands.post_message import post_message
from services.intake.commands.submit_ticket import Submission, submit_ticket
from services.intake.models import Alert, AlertSource, Ticket
from shared.contracts.vocabulary import BodyFormat, Channel, Priority
from shared.kit.clock import new_id
from shared.kit.db import Session

A_MINUTE = timedelta(minutes=1)
STORM_ENDS_AFTER = timedelta(minutes=10)
"""A collecting ticket takes more alerts until none has come for this long."""
MARK = "alert_storm"
"""The field by which routing rules recognise a collecting ticket."""


@dataclass(frozen=True, slots=True)
class Opening:
    """An alert that needs a ticket, what is said of it, and the archived ticket that the new one follows."""

    alert: Alert
    report: AlertReport
    follows: UUID | None = None


async def find_ticket(session: Session, ticket_id: UUID | None) -> Ticket | None:
    """The ticket, or the one it was merged into; None if there is none, or it was erased."""
    ticket = await session.get(Ticket, ticket_id) if ticket_id is not None else None
    target = await target_of(session, ticket) if ticket is not None else None
    return target if target is not None and target.erased_at is None else None


async def give_ticket(
    session: Session, rules: SourceRules, source: AlertSource, opening: Opening, now: datetime
) -> bool:
    """Opens a ticket for an alert, or adds it to the collecting one during a storm; returns whether it was opened.

    The caller holds the source's row.
    """
    alert = opening.alert
    if _is_calm(source, rules.storm_limit, now):
        alert.ticket_id, alert.is_collected, alert.is_told = new_id(), False, True
        await submit_ticket(session, _submission(rules, opening, now))
        return True
    storm = await find_ticket(session, source.storm_ticket_id)
    is_going_on = source.storm_grew_at is not None and now - source.storm_grew_at < STORM_ENDS_AFTER
    if storm is None or storm.is_archived or not is_going_on:
        source.storm_ticket_id, source.storm_told_at = new_id(), None
        await submit_ticket(session, _storm(rules, source.storm_ticket_id, opening.report, now))
    source.storm_grew_at = now
    alert.ticket_id, alert.is_collected, alert.is_told = source.storm_ticket_id, True, False
    return False


async def write(session: Session, ticket: Ticket, body: str, now: datetime) -> None:
    """A message on the ticket, marked as automatic: it stops no clock, changes no status and is mailed to nobody."""
    post = NewMessage(body=body, body_format=BodyFormat.TEXT, channel=Channel.API, received_at=now, is_automatic=True)
    await post_message(session, ticket, post)


def _is_calm(source: AlertSource, limit: int, now: datetime) -> bool:
    """Counts a new alert, and returns whether it is within the limit of its minute."""
    if source.minute_began_at is None or abs(now - source.minute_began_at) >= A_MINUTE:
        source.minute_began_at, source.minute_count = now, 0
    source.minute_count += 1
    return source.minute_count <= limit


def _submission(rules: SourceRules, opening: Opening, now: datetime) -> Submission:
    report = opening.report
    return Submission(
        **_asked(rules, opening.alert.ticket_id, now),
        subject=report.title,
        body=texts.opening(report),
        priority=rules.priority_of(report.severity),
        fields=texts.fields_of(report.labels),
        follows=opening.follows,
    )


def _storm(rules: SourceRules, ticket_id: UUID, report: AlertReport, now: datetime) -> Submission:
    is_urgent = rules.priority_of(report.severity) is Priority.URGENT
    return Submission(
        **_asked(rules, ticket_id, now),
        subject=line_of(texts.storm_subject(rules.name)),
        body=texts.storm_opening(rules.name, rules.storm_limit),
        priority=Priority.URGENT if is_urgent else Priority.HIGH,
        fields={MARK: "yes"},
    )


def _asked(rules: SourceRules, ticket_id: UUID | None, now: datetime) -> dict[str, Any]:
    """What every ticket of a source has in common."""
    return {
        "ticket_id": ticket_id,
        "requester": rules.requester,
        "body_format": BodyFormat.TEXT,
        "channel": Channel.API,
        "received_at": now,
        "topic_id": rules.topic_id,
        "api_key_id": rules.key_id,
        "acknowledge": False,
    }
