"""Tickets that stand still although something was to happen to them, and mails that do not get through."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from deploy.cli.doctor.findings import Finding, Gravity, bad, doubtful, graded, ok
from services.assignment.load_differences import MISCOUNTED
from services.assignment.stuck_tickets import LATE_TIMERS, LEFT_BEHIND, NOT_STARTED, UNANSWERED
from shared.kit.clock import utc_now

STUCK = "docs/runbooks/stuck-ticket.md"
MAIL_DOWN = "docs/runbooks/mail-down.md"
MAIL_WARNING, MAIL_ERROR = 900.0, 3600.0
MAILS_IN = """
select count(*) filter (where state = 'failed'), count(*) filter (where state = 'received'),
  min(received_at) filter (where state = 'received' and coalesce(next_attempt_at, received_at) < now())
from raw_mails where state in ('failed', 'received')
"""
MAILS_OUT = """
select count(*) filter (where status = 'failed'),
  count(*) filter (where status in ('queued', 'sending')),
  min(next_attempt_at) filter (where status in ('queued', 'sending'))
from deliveries where status in ('failed', 'queued', 'sending')
"""

CIRCUITS = """
select 'the mail server' as who, failures, since, reason from mail_circuit where open_until is not null
union all select 'the target ' || name, failures, null, null
  from notification_targets where is_active and paused_until is not null
union all select 'the webhook ' || name, failures, null, null
  from webhooks where state = 'active' and open_until is not null
"""
LEFT_ALONE = "they are tried again by themselves; see /admin/notification, /admin/webhooks; docs/notification.md"


async def ticket_findings(connection: "asyncpg.Connection[Any]", service: str) -> list[Finding]:
    """Of assignment's database; of no other."""
    if service != "assignment":
        return []
    late, late_names = await connection.fetchrow(LATE_TIMERS) or (0, None)
    new, new_names = await connection.fetchrow(NOT_STARTED) or (0, None)
    intents, oldest_intent = await connection.fetchrow(LEFT_BEHIND) or (0, None)
    unanswered, _ = await connection.fetchrow(UNANSWERED) or (0, None)
    miscounted = await connection.fetchval(MISCOUNTED)
    return [
        stuck_finding("timers", late, "clocks are past due without a breach", late_names),
        stuck_finding("not started", new, "tickets have no workflow after two minutes", new_names),
        intents_finding(intents, oldest_intent),
        stuck_finding("assignments", unanswered, "decisions are not answered after ten minutes", None),
        loads_finding(miscounted or 0),
    ]


def stuck_finding(check: str, count: int, what: str, names: list[str] | None) -> Finding:
    """Whether tickets stand still in one way."""
    says = f"{count} {what}" + (f": {', '.join(names)}" if count and names else "")
    return bad("tickets", check, says, STUCK) if count else ok("tickets", check, says)


def loads_finding(miscounted: int) -> Finding:
    """Whether what routing takes for agents' loads is what a count of their open tickets says."""
    says = f"{miscounted} agents' loads differ from a count of their open tickets"
    if miscounted:
        return bad("tickets", "loads", says, "everdesk read-model rebuild")
    return ok("tickets", "loads", says)


def intents_finding(count: int, oldest: datetime | None) -> Finding:
    """Whether commands were left behind that nobody carries on."""
    if not count:
        return ok("tickets", "commands", "0 commands left behind")
    age = utc_now() - oldest if oldest else timedelta()
    mend = f"they are sent again every ten seconds while Temporal and a worker answer; {STUCK}"
    return bad("tickets", "commands", f"{count} commands left behind, the oldest for {age}", mend)


async def mail_findings(connection: "asyncpg.Connection[Any]", service: str) -> list[Finding]:
    """Of the mails that intake took in, or that notification sends."""
    if service == "intake":
        return [mails_in_finding(*(await connection.fetchrow(MAILS_IN) or (0, 0, None)))]
    if service == "notification":
        mails = mails_out_finding(*(await connection.fetchrow(MAILS_OUT) or (0, 0, None)))
        return [mails, circuits_finding([tuple(row) for row in await connection.fetch(CIRCUITS)])]
    return []


def mails_in_finding(failed: int, waiting: int, oldest: datetime | None) -> Finding:
    """Whether mails that came in are processed."""
    seconds = max(0.0, (utc_now() - oldest).total_seconds()) if oldest else 0.0
    says = f"{waiting} wait, the oldest for {seconds:.0f} s; {failed} were given up"
    if failed:
        return bad("mail", "taken in", says, "everdesk mail list --state failed; then everdesk mail retry ID")
    gravity = graded(seconds, MAIL_WARNING, MAIL_ERROR)
    return Finding("mail", "taken in", gravity, says, "" if gravity is Gravity.OK else MAIL_DOWN)


def circuits_finding(opened: Sequence[tuple[str, int, datetime | None, str | None]]) -> Finding:
    """Whether a receiver is left alone because it failed again and again."""
    if not opened:
        return ok("mail", "circuits", "no receiver is left alone after failures")
    told = [
        f"{who}, {failures} failures"
        + (f" since {since:%H:%M} UTC" if since else "")
        + (f": {reason}" if reason else "")
        for who, failures, since, reason in opened
    ]
    is_mail = any(since for _, _, since, _ in opened)
    says = f"left alone after failures: {'; '.join(told)}"
    return bad("mail", "circuits", says, MAIL_DOWN) if is_mail else doubtful("mail", "circuits", says, LEFT_ALONE)


def mails_out_finding(failed: int, waiting: int, due: datetime | None) -> Finding:
    """Whether mails and other notifications leave."""
    seconds = max(0.0, (utc_now() - due).total_seconds()) if due else 0.0
    says = f"{waiting} wait, the oldest overdue by {seconds:.0f} s; {failed} failed for good"
    gravity = graded(seconds, MAIL_WARNING, MAIL_ERROR)
    if gravity is not Gravity.OK:
        return Finding("mail", "sent", gravity, says, MAIL_DOWN)
    if failed:
        mend = "GET /v1/deliveries?status=failed, then POST /v1/deliveries/ID/retry"
        return doubtful("mail", "sent", says, mend)
    return ok("mail", "sent", says)
