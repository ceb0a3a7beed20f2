"""One handler per command: what it changes on a ticket, once `Ticket.check` has passed it."""

from datetime import datetime
from functools import singledispatch
from uuid import UUID

from shared.contracts.base import AgentId
from shared.contracts.commands import (
    AbsorbTicket,
    AssignTicket,
    ChangeTicketPolicy,
    CloseTicket,
    Command,
    DetachTicket,
    HoldTicket,
    MergeTicket,
    MessageFact,
    PendTicket,
    PrioritiseTicket,
    RecordReply,
    ReleaseTicket,
    ReopenTicket,
    ResolveTicket,
    ResumeTicket,
    RevertTicketPolicy,
    SetTicketDue,
    TransferTicket,
    TriageTicket,
    UnmergeTicket,
)
from shared.contracts.events import (
    TicketAssigned,
    TicketDueSet,
    TicketHeld,
    TicketPended,
    TicketPolicyChanged,
    TicketPrioritised,
    TicketReleased,
    TicketResumed,
    TicketTransferred,
    TicketTriaged,
)
from shared.contracts.policies import PolicySnapshot
from shared.contracts.vocabulary import Action, PolicyMode, Priority, Status
from shared.domain.ticket import merging
from shared.domain.ticket.automatic_transitions import advance
from shared.domain.ticket.core import TicketCore


def apply_command(ticket: TicketCore, command: Command, now: datetime) -> None:
    """Applies a command that has been checked. Raises TypeError for a kind without a handler."""
    _apply(command, ticket, now)


@singledispatch
def _apply(command: Command, _ticket: TicketCore, _now: datetime) -> None:
    raise TypeError(f"no handler for {type(command).__name__}")


@_apply.register(TriageTicket)
def _(command: TriageTicket, ticket: TicketCore, now: datetime) -> None:
    ticket.state.team_id = command.team_id
    _triage(ticket, command, command.policy, command.priority, now)
    if command.agent_id is not None:
        _assign(ticket, command, command.agent_id, now)


@_apply.register(AssignTicket)
def _(command: AssignTicket, ticket: TicketCore, now: datetime) -> None:
    ticket.state.team_id = command.team_id or ticket.state.team_id
    if ticket.state.status is Status.NEW and command.policy is not None:
        _triage(ticket, command, command.policy, None, now)
    elif ticket.state.status is Status.NEW:
        ticket.move(Action.ASSIGN)
    _assign(ticket, command, command.agent_id, now)


@_apply.register(ReleaseTicket)
def _(command: ReleaseTicket, ticket: TicketCore, now: datetime) -> None:
    previous, ticket.state.assignee_id = ticket.state.assignee_id, None
    ticket.record_event(TicketReleased, now, command.actor, previous_agent_id=previous, reason=command.reason)


@_apply.register(TransferTicket)
def _(command: TransferTicket, ticket: TicketCore, now: datetime) -> None:
    previous_team, ticket.state.team_id = ticket.state.team_id, command.team_id
    previous_agent, ticket.state.assignee_id = ticket.state.assignee_id, None
    ticket.record_event(
        TicketTransferred,
        now,
        command.actor,
        team_id=command.team_id,
        previous_team_id=previous_team,
        previous_agent_id=previous_agent,
        reason=command.reason,
    )


@_apply.register(PrioritiseTicket)
def _(command: PrioritiseTicket, ticket: TicketCore, now: datetime) -> None:
    previous = ticket.state.sla.priority
    ticket.record_event(TicketPrioritised, now, command.actor, priority=command.priority, previous=previous)


@_apply.register(SetTicketDue)
def _(command: SetTicketDue, ticket: TicketCore, now: datetime) -> None:
    ticket.record_event(TicketDueSet, now, command.actor, due_at=command.due_at)


@_apply.register(ChangeTicketPolicy)
def _(command: ChangeTicketPolicy, ticket: TicketCore, now: datetime) -> None:
    _change_policy(ticket, command, command.policy, now, mode=command.mode, rollout_id=command.rollout_id)


@_apply.register(RevertTicketPolicy)
def _(command: RevertTicketPolicy, ticket: TicketCore, now: datetime) -> None:
    policy = ticket.state.sla.policy_before(command.rollout_id)
    if policy is not None:
        _change_policy(ticket, command, policy, now, mode=PolicyMode.REVERT, rollout_id=command.rollout_id)


@_apply.register(PendTicket)
def _(command: PendTicket, ticket: TicketCore, now: datetime) -> None:
    ticket.move(Action.PEND)
    ticket.state.waiting_since, ticket.state.reminders = now, 0
    ticket.record_event(TicketPended, now, command.actor)


@_apply.register(HoldTicket)
def _(command: HoldTicket, ticket: TicketCore, now: datetime) -> None:
    ticket.move(Action.HOLD)
    ticket.state.hold_reason, ticket.state.waiting_since = command.reason, now
    ticket.record_event(TicketHeld, now, command.actor, reason=command.reason)


@_apply.register(ResumeTicket)
def _(command: ResumeTicket, ticket: TicketCore, now: datetime) -> None:
    ticket.move(Action.RESUME)
    ticket.record_event(TicketResumed, now, command.actor, cause="command")


@_apply.register(ResolveTicket)
def _(command: ResolveTicket, ticket: TicketCore, now: datetime) -> None:
    ticket.resolve(command.actor, now, "command")


@_apply.register(ReopenTicket)
def _(command: ReopenTicket, ticket: TicketCore, now: datetime) -> None:
    ticket.reopen(command.actor, now, "command")


@_apply.register(CloseTicket)
def _(command: CloseTicket, ticket: TicketCore, now: datetime) -> None:
    if ticket.state.policy is None and command.policy is not None:
        _change_policy(ticket, command, command.policy, now)
    ticket.close(command.actor, now, command.reason, "command")


@_apply.register(RecordReply)
def _(command: RecordReply, ticket: TicketCore, now: datetime) -> None:
    ticket.state.remember(command.message_id)
    fact = MessageFact(message_id=command.message_id, author=command.actor, received_at=command.replied_at)
    ticket.record_message(fact, now)


@_apply.register(MergeTicket)
def _(command: MergeTicket, ticket: TicketCore, now: datetime) -> None:
    merging.merge(ticket, command, now)


@_apply.register(AbsorbTicket)
def _(command: AbsorbTicket, ticket: TicketCore, now: datetime) -> None:
    merging.absorb(ticket, command, now)


@_apply.register(UnmergeTicket)
def _(command: UnmergeTicket, ticket: TicketCore, now: datetime) -> None:
    merging.unmerge(ticket, command, now)


@_apply.register(DetachTicket)
def _(command: DetachTicket, ticket: TicketCore, now: datetime) -> None:
    merging.detach(ticket, command, now)


def _triage(
    ticket: TicketCore, command: Command, policy: PolicySnapshot, priority: Priority | None, now: datetime
) -> None:
    ticket.move(Action.TRIAGE)
    ticket.state.sla.register_policy(policy)
    ticket.record_event(
        TicketTriaged,
        now,
        command.actor,
        team_id=ticket.state.team_id,
        priority=priority or ticket.state.sla.priority,
        policy_id=policy.policy_id,
        policy_version=policy.version,
        policy_digest=policy.digest,
    )
    advance(ticket, now)


def _assign(ticket: TicketCore, command: Command, agent_id: AgentId, now: datetime) -> None:
    previous, ticket.state.assignee_id = ticket.state.assignee_id, agent_id
    ticket.record_event(TicketAssigned, now, command.actor, agent_id=agent_id, previous_agent_id=previous)


def _change_policy(
    ticket: TicketCore,
    command: Command,
    policy: PolicySnapshot,
    now: datetime,
    *,
    mode: PolicyMode = PolicyMode.CARRY,
    rollout_id: UUID | None = None,
) -> None:
    ticket.state.sla.register_policy(policy)
    ticket.record_event(
        TicketPolicyChanged,
        now,
        command.actor,
        policy_id=policy.policy_id,
        policy_version=policy.version,
        policy_digest=policy.digest,
        mode=mode,
        rollout_id=rollout_id,
    )
    advance(ticket, now)
