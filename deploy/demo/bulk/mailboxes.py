"""All mails of a run as the mailboxes hold them, counted in one sweep."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from deploy.demo.bulk.compare import Difference
from deploy.demo.bulk.work import Worked
from deploy.demo.clients import MailSink

LEAST_PER_TICKET = 4
"""Acknowledgement, assignment, reply and resolution; clocks may add warnings."""
MOST_PER_TICKET = 12
_NUMBER = re.compile(r"\[#([^\]]+)\]")


async def mailbox_differences(mail: MailSink | None, worked: Sequence[Worked]) -> list[Difference]:
    """Tickets whose mails are missing, or of which a mail arrived twice; nothing where there is no sink."""
    if mail is None:
        return []
    return compare_mailboxes(await mail.newest(MOST_PER_TICKET * len(worked)), worked)


def compare_mailboxes(mails: Iterable[Mapping[str, Any]], worked: Sequence[Worked]) -> list[Difference]:
    """Every ticket has its mails, and every Message-ID came once."""
    by_number: dict[str, list[str]] = {}
    for one in mails:
        if named := _NUMBER.search(str(one["Subject"])):
            by_number.setdefault(named[1], []).append(str(one["MessageID"]))
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
