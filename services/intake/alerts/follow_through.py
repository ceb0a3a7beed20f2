"""Background job for alerts: sends queued commands to workflows, and writes to the tickets that collect a storm."""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, exists, select, update

from services.intake.alerts import texts
from services.intake.alerts.accept_reports import FIRING, REOPEN, RESOLVE
from services.intake.alerts.reports import AlertReport
from services.intake.alerts.sources import get_rules, hold_source
from services.intake.alerts.tickets import Opening, find_ticket, give_ticket, write
from services.intake.commands.change_status import change_status
from services.intake.models import Alert
from shared.contracts.commands import CloseTicket, ReopenTicket, ResolveTicket
from shared.contracts.tickets import Actor
from shared.contracts.vocabulary import ActorKind, CloseReason, Status
from shared.domain.errors import IllegalTransition, Refusal, TicketArchivedError, UnknownTicket
from shared.kit.clock import derived_id, utc_now
from shared.kit.db import Database, Session
from shared.kit.http.problems import Problem
from shared.kit.telemetry import log
from shared.kit.ticket_errors import TicketsUnavailable
from shared.kit.tickets import Tickets
from shared.kit.unexpected_errors import log_unexpected

MONITORING = Actor(kind=ActorKind.CLIENT)
LOOK_EVERY = 8.0
"""Seconds; what another process took in, or was left behind by a crash, waits no longer than this."""
AT_ONCE = 100
MOST_ADDED = 1_000
LONGEST_WAIT = timedelta(minutes=5)
GIVES_UP_AFTER = 400
"""Attempts, a day and a half: the ticket's workflow will never start."""
TOLD_EVERY = timedelta(minutes=1)
FORGOTTEN_AT_ONCE = 10_000
KEPT = timedelta(days=90)
"""An alert that nobody has reported for so long is forgotten."""


class FollowThrough:
    """Does what deliveries have left to be done. Any number may run: commands are the same on each attempt."""

    def __init__(self, database: Database, tickets: Tickets) -> None:
        self._database = database
        self._tickets = tickets
        self._is_needed = asyncio.Event()

    def poke(self) -> None:
        """There is something to do."""
        self._is_needed.set()

    async def run(self) -> None:
        """For ever: what is due, then waits to be poked."""
        while True:
            self._is_needed.clear()
            await self.do_what_is_due()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY):
                    await self._is_needed.wait()

    async def do_what_is_due(self) -> None:
        """One round."""
        await self._tell_collecting_tickets(utc_now())
        due = Alert.wanted.is_not(None), Alert.try_after <= utc_now()
        async with self._database.begin() as session:
            waiting = list(await session.scalars(select(Alert).where(*due).order_by(Alert.try_after).limit(AT_ONCE)))
        for alert in waiting:
            try:
                await self._carry_out(alert)
            except Exception as error:  # noqa: BLE001 - the others go on
                log_unexpected(error, "alert.failed", alert_id=str(alert.id), wanted=alert.wanted)
                await self._try_later(alert)

    async def _carry_out(self, alert: Alert) -> None:
        async with self._database.begin() as session:
            ticket = await find_ticket(session, alert.ticket_id)
            others = exists().where(Alert.ticket_id == alert.ticket_id, Alert.state == FIRING)
            is_over = not await session.scalar(select(others))
        try:
            if ticket is not None and (alert.wanted == REOPEN or (is_over and ticket.id == alert.ticket_id)):
                await self._ask(alert, ticket.id)
        except TicketArchivedError:
            if alert.wanted == REOPEN:
                await self._open_follow_up(alert)
                return
        except (UnknownTicket, TicketsUnavailable):
            await self._try_later(alert)
            return
        except Refusal as refusal:
            log.info("alert.refused", alert_id=str(alert.id), wanted=alert.wanted, code=refusal.code)
        await self._set(alert, wanted=None)

    async def _try_later(self, alert: Alert) -> None:
        """Puts off what did not work, and gives it up in the end."""
        if alert.attempts < GIVES_UP_AFTER:
            await self._set(alert, attempts=alert.attempts + 1, try_after=utc_now() + _wait(alert.attempts))
            return
        log.warning("alert.given_up", alert_id=str(alert.id), wanted=alert.wanted)
        await self._set(alert, wanted=None)

    async def _ask(self, alert: Alert, ticket_id: UUID) -> None:
        """Sends the command. A ticket that nobody has triaged cannot be resolved: it is closed as resolved."""
        name = alert.wanted_id or alert.id
        command: ResolveTicket | ReopenTicket
        if alert.wanted == RESOLVE:
            command = ResolveTicket(command_id=str(name), actor=MONITORING)
        else:
            command = ReopenTicket(command_id=str(name), actor=MONITORING)
        try:
            await change_status(self._database, self._tickets, ticket_id, command)
        except IllegalTransition as refusal:
            if alert.wanted != RESOLVE or refusal.details.get("status") != Status.NEW:
                raise
            command_id = str(derived_id(name, "close"))
            close = CloseTicket(command_id=command_id, actor=MONITORING, reason=CloseReason.RESOLVED)
            await change_status(self._database, self._tickets, ticket_id, close)

    async def _open_follow_up(self, alert: Alert) -> None:
        """The ticket was archived before it could be reopened: a new one follows it."""
        async with self._database.begin() as session:
            held = await session.scalar(select(Alert).where(Alert.id == alert.id).with_for_update())
            if held is None or held.wanted_id != alert.wanted_id or held.wanted is None:
                return
            held.wanted = None
            try:
                rules = await get_rules(session, held.key_id)
            except Problem:
                return
            report = AlertReport.of_kept(held.fingerprint, held.report, held.starts_at)
            source = await hold_source(session, held.key_id)
            await give_ticket(session, rules, source, Opening(held, report, held.ticket_id), utc_now())

    async def _set(self, alert: Alert, **values: Any) -> None:
        """Changes the alert's row, unless something else is wanted meanwhile."""
        same = Alert.id == alert.id, Alert.wanted_id == alert.wanted_id
        async with self._database.begin() as session:
            await session.execute(update(Alert).where(*same).values(values))

    async def _tell_collecting_tickets(self, now: datetime) -> None:
        async with self._database.begin() as session:
            keys = list(await session.scalars(select(Alert.key_id).where(~Alert.is_told).distinct()))
        for key_id in keys:
            async with self._database.begin() as session:
                await tell_collecting_ticket(session, key_id, now)


async def tell_collecting_ticket(session: Session, key_id: str, now: datetime) -> None:
    """One message about all alerts that were added to a key's collecting tickets, at most once a minute."""
    untold = select(Alert).where(Alert.key_id == key_id, ~Alert.is_told).order_by(Alert.fingerprint).limit(MOST_ADDED)
    alerts = list(await session.scalars(untold.with_for_update(skip_locked=True)))
    source = await hold_source(session, key_id)
    if not alerts or (source.storm_told_at is not None and now - source.storm_told_at < TOLD_EVERY):
        return
    source.storm_told_at = now
    for ticket_id in sorted({alert.ticket_id for alert in alerts if alert.ticket_id is not None}):
        added = [alert for alert in alerts if alert.ticket_id == ticket_id]
        if (ticket := await find_ticket(session, ticket_id)) is not None:
            titles = [str(alert.report["title"]) for alert in added]
            await write(session, ticket, texts.storm_growth(titles, len(titles)), now)
    for alert in alerts:
        alert.is_told = True


async def forget_old_alerts(session: Session) -> None:
    """Deletes alerts that are no longer reported, so many at once; should one come again, it gets a new ticket."""
    oldest = select(Alert.id).where(Alert.last_at < utc_now() - KEPT).order_by(Alert.last_at).limit(FORGOTTEN_AT_ONCE)
    await session.execute(delete(Alert).where(Alert.id.in_(oldest)))


def _wait(attempts: int) -> timedelta:
    """Before the next attempt: seconds at first, for a ticket is opened within seconds."""
    return min(timedelta(seconds=2 ** min(attempts, 10)), LONGEST_WAIT)
