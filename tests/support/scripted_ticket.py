"""A ticket driven through time by a test: what is done to it, by whom, and how long after it was opened."""

from datetime import datetime, timedelta
from typing import Any

from shared.contracts.commands import Command, RecordReply
from shared.contracts.events import Envelope, LifecycleEvent, SlaSettled
from shared.contracts.tickets import Verdict
from shared.contracts.vocabulary import Metric, Outcome, Status
from shared.domain.ticket import Ticket, TicketState
from tests.support.tickets import ADA, AGENT, MONDAY, REQUESTER, an_id, message, opening, triage


class ScriptedTicket:
    """A ticket driven through time in a test."""

    def __init__(self, *, at: datetime = MONDAY, is_new: bool = False, **triage_changes: Any) -> None:
        self.opened_at = at
        self.ticket = Ticket(TicketState.of(opening(at=at)))
        self.ticket.open(REQUESTER, at)
        self.count = 0
        if not is_new:
            self.ticket.handle(triage(agent_id=ADA, **triage_changes), at)

    def do(self, kind: type[Command], after: timedelta, **fields: object) -> "ScriptedTicket":
        self.count += 1
        self.ticket.handle(kind(command_id=f"c{self.count}", actor=AGENT, **fields), self.opened_at + after)
        return self

    def reply(self, after: timedelta, *, written: timedelta | None = None) -> "ScriptedTicket":
        at = self.opened_at + (after if written is None else written)
        return self.do(RecordReply, after, message_id=an_id(f"reply {after}"), replied_at=at)

    def write(
        self, after: timedelta, *, received: timedelta | None = None, is_automatic: bool = False
    ) -> "ScriptedTicket":
        fact = message(
            f"m {after}", self.opened_at + (after if received is None else received), is_automatic=is_automatic
        )
        self.ticket.receive(fact, self.opened_at + after)
        return self

    def wait(self, until: timedelta) -> "ScriptedTicket":
        self.ticket.advance(self.opened_at + until)
        return self

    @property
    def status(self) -> Status:
        return self.ticket.state.status

    @property
    def names(self) -> list[str]:
        return [event.event_name.removeprefix("ticket.") for event in self.ticket.events]

    @property
    def verdicts(self) -> list[Verdict]:
        return [event.verdict for event in self.ticket.events if isinstance(event, SlaSettled)]

    def outcome(self, metric: Metric, cycle: int = 1) -> tuple[Outcome, int]:
        found = [v for v in self.verdicts if v.metric is metric and v.cycle == cycle]
        return found[-1].outcome, found[-1].revision

    def events(self, name: str) -> list[Any]:
        """The events of one name, such as `escalated`."""
        return [event for event in self.ticket.events if event.event_name == f"ticket.{name}"]

    @property
    def log(self) -> list[Envelope]:
        """The events as they travel."""
        return [envelope_of(event) for event in self.ticket.events]


def envelope_of(event: LifecycleEvent) -> Envelope:
    """As published and read again."""
    return Envelope.model_validate_json(event.envelope(f"life:{event.seq}", event.at).model_dump_json())
