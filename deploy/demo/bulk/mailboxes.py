"""All mails of a run as the mailboxes hold them, counted in one sweep."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from deploy.demo.bulk.compare import Difference
from deploy.demo.bulk.ticket_work import WorkedTicket
from deploy.demo.clients import MailSink

LEAST_PER_TICKET = 4
"""Acknowledgement, assignment, reply and resolution; clocks may add warnings."""
_NUMBER = re.compile(r"\[#([^\]]+)\]")


async def mailbox_differences(mail: MailSink | None, worked: Sequence[WorkedTicket]) -> list[Difference]:
    """Tickets whose mails are missing, or of which a mail arrived twice; nothing where there is no sink."""
    if mail is None:
        return []
    ours = {one.accepted.number for one in worked}
    mails: list[dict[str, Any]] = []
    async for page in mail.pages():
        mails.extend(page)
        if not any(_number(one) in ours for one in page):  # older than this run
            break
    return compare_mailboxes(mails, worked)


def compare_mailboxes(mails: Iterable[Mapping[str, Any]], worked: Sequence[WorkedTicket]) -> list[Difference]:
    """Every ticket has its mails, and every Message-ID came once."""
    by_number: dict[str | None, list[str]] = {}
    for one in mails:
        by_number.setdefault(_number(one), []).append(str(one["MessageID"]))
    found: list[Difference] = []
    for ticket in worked:
        line, number = ticket.accepted.source.line, ticket.accepted.number
        ids = by_number.get(number, [])
        if len(set(ids)) < LEAST_PER_TICKET:
            found.append(Difference(line, number, "mailbox: mails", f"at least {LEAST_PER_TICKET}", len(set(ids))))
        again = [name for name, count in Counter(ids).items() if count > 1]
        if again:
            found.append(Difference(line, number, "mailbox: Message-IDs", "each once", again))
    return found


def _number(mail: Mapping[str, Any]) -> str | None:
    """The ticket a mail is about."""
    named = _NUMBER.search(str(mail["Subject"]))
    return named[1] if named else None
