"""Handles a delivery of alerts: opens tickets, adds messages, and queues commands to resolve or reopen."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from pydantic import ConfigDict
from sqlalchemy import exists, select
from sqlalchemy.dialects.postgresql import insert

from services.intake.alerts import texts
from services.intake.alerts.reports import AlertReport
from services.intake.alerts.sources import RecoveryPolicy, SourceRules, hold_source
from services.intake.alerts.tickets import Opening, find_ticket, give_ticket, write
from services.intake.models import Alert, AlertSource, Ticket
from shared.contracts.described_models import DescribedModel
from shared.contracts.vocabulary import Status
from shared.kit.clock import new_id
from shared.kit.db import Session

FIRING, RECOVERED = "firing", "recovered"
RESOLVE, REOPEN = "resolve", "reopen"
SETTLED = (Status.RESOLVED, Status.CLOSED)
CHANGES_EVERY = timedelta(minutes=10)
"""At most one message about changed words of an alert in this time: many systems put the measured value in them."""
PATIENCE = timedelta(hours=1)
"""For so long after its ticket was resolved, an alert that goes on firing does not reopen it."""

RELAPSES = 3
"""An alert that has fired again more often than this within an hour is unsteady: its changes are counted, not told."""
AN_HOUR = timedelta(hours=1)
QUIET = timedelta(minutes=15)
"""An unsteady alert's ticket is resolved once it has not fired for so long."""


class AlertOutcome(StrEnum):
    """What became of a report."""

    OPENED = "opened"
    COLLECTED = "collected"
    """Added to the one ticket of a storm."""
    REPEATED = "repeated"
    """Counted; nothing else is new."""
    CHANGED = "changed"
    REOPENED = "reopened"
    FIRED_AGAIN = "fired_again"
    """Before its ticket was resolved."""
    RECOVERED = "recovered"
    IGNORED = "ignored"
    """Recovered, but not known to have fired; or older than what is known."""


class AlertResult(DescribedModel):
    """What became of one alert."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "fingerprint": "disk-db1",
                    "outcome": "opened",
                    "ticket_id": "019933a0-6f2e-7000-8000-000000000001",
                }
            ]
        },
    )

    fingerprint: str
    outcome: AlertOutcome
    ticket_id: UUID | None
    """The alert's ticket; null where nothing is known of the alert."""


class AlertDelivery:
    """One delivery of a key, in one transaction. Rows are locked in the order alerts, source, tickets."""

    def __init__(self, session: Session, rules: SourceRules, now: datetime) -> None:
        self._session = session
        self._rules = rules
        self._now = now
        self._source: AlertSource | None = None
        self._tickets: Sequence[Ticket] = ()
        """Kept, so that the session finds them."""

    async def accept_reports(self, reports: Sequence[AlertReport]) -> list[AlertResult]:
        """Takes in reports, the last one for each alert, and returns what became of each."""
        newest = {report.fingerprint: report for report in reports}
        alerts = await self._hold(newest)
        outcomes: dict[str, AlertOutcome] = {}
        known = [alerts[name] for name in newest if name in alerts]
        self._tickets = await self._load_tickets(known)
        for alert in sorted(known, key=lambda one: (str(one.ticket_id), one.fingerprint)):
            outcomes[alert.fingerprint] = await self._accept(alert, newest[alert.fingerprint])
        return [
            AlertResult(
                fingerprint=name,
                outcome=outcomes.get(name, AlertOutcome.IGNORED),
                ticket_id=alerts[name].ticket_id if name in alerts else None,
            )
            for name in newest
        ]

    async def _hold(self, reports: Mapping[str, AlertReport]) -> dict[str, Alert]:
        """Locks the alerts' rows in the order of their fingerprints; those that fire and are unknown get one."""
        fresh = [self._new_row(report) for _, report in sorted(reports.items()) if report.is_firing]
        if fresh:
            await self._session.execute(insert(Alert).values(fresh).on_conflict_do_nothing())
        wanted = select(Alert).where(Alert.key_id == self._rules.key_id, Alert.fingerprint.in_(list(reports)))
        held = await self._session.scalars(wanted.order_by(Alert.fingerprint).with_for_update())
        return {alert.fingerprint: alert for alert in held}

    async def _load_tickets(self, alerts: Sequence[Alert]) -> Sequence[Ticket]:
        """Their tickets, read at once.

        The source's row is locked first if any alert may need it, as those who hold it go on to lock tickets.
        """
        if any(alert.ticket_id is None or alert.is_collected for alert in alerts):
            await self._held_source()
        ids = {alert.ticket_id for alert in alerts if alert.ticket_id is not None}
        return (await self._session.scalars(select(Ticket).where(Ticket.id.in_(ids)))).all() if ids else ()

    def _new_row(self, report: AlertReport) -> dict[str, object]:
        return {
            "id": new_id(),
            "key_id": self._rules.key_id,
            "fingerprint": report.fingerprint,
            "state": FIRING,
            "report": report.kept(),
            "is_collected": False,
            "is_told": True,
            "starts_at": report.starts_at,
            "first_at": self._now,
            "last_at": self._now,
            "repeats": 0,
            "relapses": 0,
            "digest": report.digest,
            "attempts": 0,
        }

    async def _accept(self, alert: Alert, report: AlertReport) -> AlertOutcome:
        if alert.starts_at and report.starts_at and report.starts_at < alert.starts_at:
            return AlertOutcome.IGNORED
        ticket = await find_ticket(self._session, alert.ticket_id)
        outcome = await (self._fires if report.is_firing else self._recovers)(alert, report, ticket)
        alert.last_at = self._now
        return outcome

    async def _fires(self, alert: Alert, report: AlertReport, ticket: Ticket | None) -> AlertOutcome:
        if ticket is None or ticket.is_archived:
            outcome = await self._open(alert, report, ticket)
        elif alert.state == RECOVERED:
            outcome = await self._fires_again(alert, report, ticket)
        elif ticket.status in SETTLED and alert.wanted is None and self._is_pressing(alert, report, ticket):
            await self._add_message(alert, ticket, texts.still_fires(report))
            self._want(alert, REOPEN)
            outcome = AlertOutcome.REOPENED
        else:
            return await self._repeats(alert, report, ticket)
        self._begin(alert, report)
        return outcome

    async def _open(self, alert: Alert, report: AlertReport, ended: Ticket | None) -> AlertOutcome:
        opening = Opening(alert, report, ended.id if ended else None)
        alert.wanted = None
        if await give_ticket(self._session, self._rules, await self._held_source(), opening, self._now):
            return AlertOutcome.OPENED
        storm = await find_ticket(self._session, alert.ticket_id)
        if storm is not None and (storm.status in SETTLED or await self._is_to_be_resolved(alert)):
            self._want(alert, REOPEN)
        return AlertOutcome.COLLECTED

    async def _fires_again(self, alert: Alert, report: AlertReport, ticket: Ticket) -> AlertOutcome:
        is_put_off = alert.wanted == RESOLVE and alert.try_after is not None and alert.try_after > self._now
        self._count_relapse(alert)
        if self._is_unsteady(alert) and is_put_off and alert.attempts == 0 and ticket.status not in SETTLED:
            alert.wanted = None
            return AlertOutcome.FIRED_AGAIN
        await self._add_message(alert, ticket, texts.fires_again(report))
        if ticket.status not in SETTLED and not await self._is_to_be_resolved(alert):
            return AlertOutcome.FIRED_AGAIN
        self._want(alert, REOPEN)
        return AlertOutcome.REOPENED

    async def _repeats(self, alert: Alert, report: AlertReport, ticket: Ticket) -> AlertOutcome:
        alert.repeats += 1
        alert.report, alert.starts_at = report.kept(), report.starts_at or alert.starts_at
        is_due = alert.change_told_at is None or self._now - alert.change_told_at >= CHANGES_EVERY
        if report.digest == alert.digest or not is_due or alert.is_collected:
            return AlertOutcome.REPEATED
        await write(self._session, ticket, texts.changed(report, alert.repeats), self._now)
        alert.digest, alert.change_told_at = report.digest, self._now
        return AlertOutcome.CHANGED

    async def _recovers(self, alert: Alert, report: AlertReport, ticket: Ticket | None) -> AlertOutcome:
        if alert.state == RECOVERED:
            return AlertOutcome.REPEATED
        alert.state = RECOVERED
        if ticket is None or ticket.is_archived or self._rules.on_recovery is RecoveryPolicy.NOTHING:
            return AlertOutcome.RECOVERED
        if alert.is_collected and await self._others_fire(alert):
            return AlertOutcome.RECOVERED
        await self._tell_recovery(alert, report, ticket)
        is_own = ticket.id == alert.ticket_id
        if self._rules.on_recovery is RecoveryPolicy.RESOLVE and is_own and self._is_open(alert, ticket):
            self._want(alert, RESOLVE, QUIET if self._is_unsteady(alert) else timedelta())
        return AlertOutcome.RECOVERED

    async def _tell_recovery(self, alert: Alert, report: AlertReport, ticket: Ticket) -> None:
        if alert.relapses > RELAPSES + 1 and self._is_unsteady(alert):
            return
        if self._is_unsteady(alert):
            body = texts.unsteady(QUIET if self._rules.on_recovery is RecoveryPolicy.RESOLVE else None)
        elif alert.is_collected:
            body = texts.all_recovered()
        else:
            body = texts.recovered(report, alert.repeats, self._now)
        await write(self._session, ticket, body, self._now)

    def _count_relapse(self, alert: Alert) -> None:
        if alert.relapses_from is None or self._now - alert.relapses_from >= AN_HOUR:
            alert.relapses, alert.relapses_from = 0, self._now
        alert.relapses += 1

    def _is_unsteady(self, alert: Alert) -> bool:
        return (
            alert.relapses > RELAPSES and alert.relapses_from is not None and self._now - alert.relapses_from < AN_HOUR
        )

    async def _add_message(self, alert: Alert, ticket: Ticket, body: str) -> None:
        """A message on the alert's own ticket; a collecting one is told of many at once, by the background job."""
        if alert.is_collected:
            alert.is_told = False
        else:
            await write(self._session, ticket, body, self._now)

    def _is_pressing(self, alert: Alert, report: AlertReport, ticket: Ticket) -> bool:
        """Whether an alert whose ticket people have settled is a new occurrence, or has gone on for too long."""
        if report.starts_at is None or alert.starts_at is None or report.starts_at > alert.starts_at:
            return True
        settled_at = ticket.closed_at or ticket.resolved_at or ticket.updated_at
        return self._now - settled_at >= PATIENCE

    def _is_open(self, alert: Alert, ticket: Ticket) -> bool:
        """Whether there is, or will be, anything to resolve."""
        return ticket.status not in SETTLED or alert.wanted == REOPEN

    async def _is_to_be_resolved(self, alert: Alert) -> bool:
        """Whether the alert's ticket is about to be resolved, on behalf of this alert or of one collected with it."""
        if alert.wanted == RESOLVE or not alert.is_collected:
            return alert.wanted == RESOLVE
        await self._held_source()
        asked = exists().where(Alert.ticket_id == alert.ticket_id, Alert.wanted == RESOLVE)
        return bool(await self._session.scalar(select(asked)))

    async def _others_fire(self, alert: Alert) -> bool:
        """Whether others that share its ticket fire. The source's row is held, so that of the last two one sees it."""
        await self._held_source()
        others = exists().where(Alert.ticket_id == alert.ticket_id, Alert.state == FIRING, Alert.id != alert.id)
        return bool(await self._session.scalar(select(others)))

    async def _held_source(self) -> AlertSource:
        if self._source is None:
            self._source = await hold_source(self._session, self._rules.key_id)
        return self._source

    def _begin(self, alert: Alert, report: AlertReport) -> None:
        """Notes that the alert fires from now on, as the report says and as its ticket has been told."""
        alert.state, alert.report, alert.starts_at = FIRING, report.kept(), report.starts_at
        alert.repeats, alert.digest, alert.change_told_at = 0, report.digest, None

    def _want(self, alert: Alert, wanted: str, after: timedelta = timedelta()) -> None:
        """Leaves to the background job what the ticket's workflow is to be asked for, once `after` has passed."""
        alert.wanted, alert.wanted_id, alert.attempts, alert.try_after = wanted, new_id(), 0, self._now + after
