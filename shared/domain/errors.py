"""Why a command is refused: typed, so that workflow, services and clients speak of the same thing."""

from typing import Any, ClassVar


class Refusal(Exception):
    """A command that must not take effect. `code` is stable and part of the API."""

    code: ClassVar[str] = "refused"

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class IllegalTransition(Refusal):
    """The action is not possible from the ticket's status."""

    code = "illegal_transition"


class VersionConflict(Refusal):
    """The ticket changed since the sender looked at it."""

    code = "version_conflict"


class PolicyMissing(Refusal):
    """The command would leave `new` without an SLA policy."""

    code = "policy_missing"


class DueInPast(Refusal):
    """A due instant must lie in the future."""

    code = "due_in_past"


class NotRevertible(Refusal):
    """The roll-out that should be undone does not apply (any more)."""

    code = "not_revertible"


class TicketArchivedError(Refusal):
    """The reopen window has passed; the workflow has ended."""

    code = "ticket_archived"


class TicketMerged(Refusal):
    """The ticket is part of another one; only undoing the merge changes it. `into` is the other's id."""

    code = "ticket_merged"


class NotMerged(Refusal):
    """The merge that should be undone is not there (any more)."""

    code = "not_merged"


class UnknownTicket(Refusal):
    """No workflow of that ticket exists (yet)."""

    code = "unknown_ticket"


REFUSALS: dict[str, type[Refusal]] = {
    refusal.code: refusal
    for refusal in (
        IllegalTransition,
        VersionConflict,
        PolicyMissing,
        DueInPast,
        NotRevertible,
        TicketArchivedError,
        TicketMerged,
        NotMerged,
        UnknownTicket,
    )
}
"""Every refusal by its code: how one crosses a process boundary and comes back typed."""
