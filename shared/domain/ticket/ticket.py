"""The ticket as a state machine: facts and commands in, events out. Pure, so tested in microseconds.

Inside the package data flows one way: `state`, `sla_notifications`, `core`, `automatic_transitions`,
`merging`, `command_handlers`, and this module on top.
"""

from datetime import datetime

from shared.contracts.commands import (
    AssignTicket,
    Command,
    MessageFact,
    RecordReply,
    ReleaseTicket,
    RevertTicketPolicy,
    SetTicketDue,
)
from shared.contracts.events import TicketOpened
from shared.contracts.tickets import Actor, TicketSnapshot
from shared.contracts.vocabulary import Action
from shared.domain.errors import (
    DueInPast,
    IllegalTransition,
    NotRevertible,
    PolicyMissing,
    TicketArchivedError,
    VersionConflict,
)
from shared.domain.lifecycle import next_state
from shared.domain.ticket.automatic_transitions import advance, next_instant
from shared.domain.ticket.command_handlers import apply_command
from shared.domain.ticket.core import TicketCore
from shared.domain.ticket.merging import check_merging


class Ticket(TicketCore):
    """One ticket. `handle` and `receive` first bring it to `now`; `events` collects what is to be published."""

    def open(self, requester: Actor, now: datetime) -> None:
        """Records that the ticket was opened."""
        self.touch(now)
        self.record_event(TicketOpened, self.state.opened_at, requester)

    def check(self, command: Command, now: datetime) -> None:
        """Raises the Refusal that keeps `command` from taking effect; changes nothing."""
        if self.state.is_archived:
            raise TicketArchivedError("the ticket is archived; open a follow-up instead")
        if command.expected_revision not in (None, self.state.revision):
            raise VersionConflict(
                f"the ticket is at revision {self.state.revision}, not {command.expected_revision}; look at it again",
                revision=self.state.revision,
            )
        check_merging(self.state, command)
        action = action_of(command)
        if action is not None:
            next_state(self.state.status, action)
        if action is Action.RELEASE and self.state.assignee_id is None:
            raise IllegalTransition("nobody is assigned, so nobody can be released", action=action.value)
        if isinstance(command, ReleaseTicket) and command.agent_id not in (None, self.state.assignee_id):
            raise IllegalTransition("another agent has the ticket by now", action=Action.RELEASE.value)
        if isinstance(command, AssignTicket) and self.state.policy is None and command.policy is None:
            raise PolicyMissing("assigning a new ticket triages it, so the command must carry an SLA policy")
        if isinstance(command, SetTicketDue) and command.due_at <= now:
            raise DueInPast("due_at must lie in the future")
        if isinstance(command, RevertTicketPolicy) and not self.state.sla.can_revert(command.rollout_id):
            raise NotRevertible("that roll-out does not apply to this ticket, or too much has happened since")

    def handle(self, command: Command, now: datetime) -> TicketSnapshot:
        """Applies a command and returns the ticket after it. Raises Refusal."""
        self.advance(now)
        self.check(command, now)
        if isinstance(command, RecordReply) and command.message_id in self.state.messages:
            return self.state.snapshot()
        self.state.revision += 1
        apply_command(self, command, now)
        self.advance(now)
        return self.state.snapshot()

    def receive(self, fact: MessageFact, now: datetime) -> None:
        """Records a posted message. One seen before, or an automatic one, changes nothing.

        On a merged ticket neither: the message concerns the ticket that this one is part of.
        """
        self.advance(now)
        if self.state.merge is not None:
            return
        if not self.state.remember(fact.message_id) or fact.is_automatic or self.state.is_archived:
            return
        self.state.revision += 1
        self.record_message(fact, now)
        self.advance(now)

    def advance(self, now: datetime) -> None:
        """Applies everything that was due up to `now`, in order."""
        advance(self, now)

    def next_instant(self) -> datetime | None:
        """When something is next due, if nothing else happens."""
        return next_instant(self.state)


def action_of(command: Command) -> Action | None:
    """The row of the transition table that a command uses; replies and merges use none."""
    kind: str = getattr(command, "kind", "")
    return None if kind in _NO_ROW else Action(_SHARED_ROWS.get(kind, kind))


_NO_ROW = frozenset(("reply", "merge", "absorb", "unmerge", "detach"))
_SHARED_ROWS = {"revert_policy": Action.CHANGE_POLICY}
"""Commands that are allowed where another one is."""
