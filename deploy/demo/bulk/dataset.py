"""Real tickets from a file, as requests that intake accepts."""

import json
import lzma
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.demo.checks import DemoError
from services.intake.client import NewTicket, Person
from services.intake.client.models import Priority

SUBJECT_LENGTH = 80
PRIORITIES: Mapping[str, Priority] = {"critical": "urgent", "high": "high", "medium": "normal", "low": "low"}
"""Their words for ours; a ticket without any leaves the priority to the routing rules."""
TOPICS = {
    "access": "access",
    "administrative rights": "access",
    "hardware": "report-problem",
    "storage": "report-problem",
    "technical issue": "report-problem",
    "hr support": "general",
    "miscellaneous": "general",
    "product inquiry": "general",
    "billing inquiry": "online-banking",
    "refund request": "online-banking",
    "cancellation request": "online-banking",
}
"""Topics by their category or type; the rest has none and goes to the fallback team."""


@dataclass(frozen=True, slots=True)
class RealTicket:
    """One line of the file, ready to be sent."""

    line: int
    subject: str
    body: str
    name: str
    email: str
    priority: Priority | None
    topic: str | None

    @property
    def request(self) -> NewTicket:
        """What intake is asked."""
        return NewTicket(
            requester=Person(email=self.email, name=self.name),
            subject=self.subject,
            body=self.body,
            priority=self.priority,
            topic=self.topic,
        )


def from_row(line: int, row: Mapping[str, Any]) -> RealTicket:
    """The request a line of the file amounts to; its body is taken exactly as it is."""
    body = str(row["body"])
    kind = str(row.get("category") or row.get("type") or "").casefold()
    return RealTicket(
        line=line,
        subject=str(row.get("subject") or "").strip() or first_words(body),
        body=body,
        name=str(row.get("customer") or "").strip() or f"Requester {line}",
        email=str(row.get("email") or "").strip() or f"requester-{line}@example.com",
        priority=PRIORITIES.get(str(row.get("priority") or "").casefold()),
        topic=TOPICS.get(kind),
    )


def first_words(body: str) -> str:
    """A subject for a ticket without one: the first characters of its body, on one line."""
    printable = "".join(character if character.isprintable() else " " for character in body)
    return " ".join(printable.split())[:SUBJECT_LENGTH].strip() or "(no subject)"


def read(file: Path, count: int) -> list[RealTicket]:
    """`count` tickets spread evenly over the file, so that every source in it takes part.

    Raises DemoError for a file that is not there or holds something else.
    """
    try:
        with lzma.open(file, "rt", encoding="utf-8") if file.suffix == ".xz" else file.open(encoding="utf-8") as rows:
            lines = [line for line in rows if line.strip()]
        return [from_row(number + 1, json.loads(lines[number])) for number in spread(len(lines), count)]
    except FileNotFoundError:
        raise DemoError(f"There is no file {file}. TICKETS names a file of tickets, one JSON object a line.") from None
    except (OSError, ValueError, KeyError, TypeError, lzma.LZMAError) as problem:
        raise DemoError(f"{file} cannot be read as tickets, one JSON object a line: {problem!r}") from None


def spread(available: int, wanted: int) -> list[int]:
    """Positions of `wanted` lines, evenly spread; all of them if there are fewer."""
    taken = min(available, wanted)
    return [position * available // taken for position in range(taken)]
