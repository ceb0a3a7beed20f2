"""Policy changes for running tickets: what may be asked for, what would change, and how far it has come."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import BeforeValidator, ConfigDict, Field

from services.assignment.schemas.tickets import View
from shared.contracts.base import Instant
from shared.contracts.vocabulary import Metric, Outcome, PolicyMode, Priority, Status
from shared.kit.http.inputs import Body, Input

ROLLOUT_ID, TICKET_ID = "0197b3a1-9d43-7a51-9d43-0f6f4b9f9a11", "0197b3a1-7c1e-7a51-9d43-0f6f4b9f9a11"
POLICY_ID, AGENT_ID = "6d1f3f0e-7c41-5d0b-9a8e-3b0a5f0c1e77", "0197b3a1-0a51-7a51-9d43-0f6f4b9f9a11"
AT = "2026-11-24T09:30:00Z"


class RolloutMode(StrEnum):
    """What a changed policy does to the tickets that run already."""

    GRANDFATHER = "grandfather"
    """They keep what they were promised; the decision is recorded."""
    CARRY = "carry"
    """The new targets and hours apply from now on; time used so far counts, and a breach stays a breach."""
    RESTART = "restart"
    """Clocks end, as breached if they are late and else as cancelled, and begin anew under the new policy."""

    @property
    def command(self) -> PolicyMode | None:
        """What the tickets are told, if anything."""
        return None if self is RolloutMode.GRANDFATHER else PolicyMode(self.value)


class RolloutState(StrEnum):
    """How far a roll-out has come."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    """Every ticket was tried; some did not answer, and are named."""
    REVERTING = "reverting"
    REVERTED = "reverted"


UNDER_WAY = (RolloutState.QUEUED, RolloutState.RUNNING, RolloutState.REVERTING)


class RolloutTicketState(StrEnum):
    """What has become of one ticket of a roll-out."""

    QUEUED = "queued"
    KEPT = "kept"
    """It keeps its policy: a grandfathered ticket."""
    APPLIED = "applied"
    REFUSED = "refused"
    FAILED = "failed"
    REVERTED = "reverted"
    NOT_REVERTED = "not_reverted"
    """Its policy could not be taken back; `code` says why."""
    WITHDRAWN = "withdrawn"
    """The roll-out was reverted before this ticket's turn."""


Version = Annotated[int, Field(ge=1, lt=2**31, strict=True)]


def _several(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class RolloutFilter(Input):
    """Which running tickets; what is left out does not narrow. All conditions must hold."""

    team_id: UUID | None = None
    priority: Annotated[
        tuple[Priority, ...],
        BeforeValidator(_several, json_schema_input_type=Priority | list[Priority]),
        Field(max_length=len(Priority)),
    ] = ()
    """One or several."""
    status: Annotated[
        tuple[Status, ...],
        BeforeValidator(_several, json_schema_input_type=Status | list[Status]),
        Field(max_length=len(Status)),
    ] = ()
    """One or several; closed tickets never run."""
    from_versions: Annotated[tuple[Version, ...], Field(max_length=100)] = ()
    """Only tickets that have one of these versions of the policy."""


class PreviewInput(Input):
    """What to look ahead to."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"mode": "carry", "filter": {"priority": ["urgent"]}}]})

    mode: RolloutMode
    filter: RolloutFilter = RolloutFilter()


class RolloutInput(PreviewInput):
    """What to do to the running tickets."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "mode": "carry",
                    "filter": {"priority": ["urgent"]},
                    "version": 2,
                    "calendar_version": 4,
                    "comment": "New contract, as of today",
                }
            ]
        }
    )

    version: Version | None = None
    """The policy's version that you looked at; if there is a newer one by now, nothing is done."""
    calendar_version: Version | None = None
    """The same for its calendar."""
    comment: Body | None = None
    """Why; kept with the roll-out."""


CLOCK: dict[str, Any] = {
    "metric": "resolution",
    "cycle_before": 1,
    "cycle_after": 1,
    "target_before": 28800.0,
    "target_after": 14400.0,
    "due_before": "2026-11-24T17:00:00Z",
    "due_after": "2026-11-24T13:00:00Z",
    "is_breached": False,
    "would_breach": False,
    "ends_as": None,
}
TICKET: dict[str, Any] = {
    "ticket_id": TICKET_ID,
    "number": "100042",
    "from_version": 1,
    "status": "open",
    "status_after": "open",
    "priority": "high",
    "priority_after": "high",
    "clocks": [CLOCK],
}
TOTALS: dict[str, Any] = {
    "running": 120,
    "already_on_it": 20,
    "concerned": 100,
    "due_earlier": 64,
    "due_later": 0,
    "breached_at_once": 3,
    "breaches_that_stand": 5,
    "clocks_begun": 0,
    "clocks_ended": 0,
    "resolved_or_closed_at_once": 0,
}


class ClockPreview(View):
    """One clock now and right after the change. Durations in seconds of the calendar's open time."""

    metric: Metric
    cycle_before: int | None
    cycle_after: int | None
    target_before: timedelta | None
    target_after: timedelta | None
    due_before: Instant | None = Field(description="null: no clock, or paused")
    due_after: Instant | None
    is_breached: bool = Field(description="Breached already; that stands")
    would_breach: bool = Field(description="Not breached yet, and breached at once by the change")
    ends_as: Outcome | None = Field(description="How the clock's present cycle would end at once")


class TicketPreview(View):
    """What would change for one ticket, everything included that would follow at once."""

    model_config = ConfigDict(json_schema_extra={"examples": [TICKET]})

    ticket_id: UUID
    number: str
    from_version: int
    status: Status
    status_after: Status
    priority: Priority
    priority_after: Priority
    clocks: list[ClockPreview]


class PreviewTotals(View):
    """Over all running tickets that the filter lets through, not only those of this page."""

    running: int = Field(description="Tickets with this policy that are not closed")
    already_on_it: int = Field(description="Of them: those that have the newest version already")
    concerned: int = Field(description="The others: those that a roll-out would be about")
    due_earlier: int = Field(
        default=0, description="Clocks not breached so far that would be due earlier than now they are"
    )
    due_later: int = Field(
        default=0, description="Clocks that would be due later; a breached one only where it would begin again"
    )
    breached_at_once: int = Field(default=0, description="Clocks that would be breached at once")
    breaches_that_stand: int = Field(default=0, description="Clocks that are breached already, and stay so")
    clocks_begun: int = Field(default=0, description="Clocks that would begin where none runs")
    clocks_ended: int = Field(default=0, description="Clocks that would end without another one in their place")
    resolved_or_closed_at_once: int = Field(default=0, description="Tickets whose waiting would be over at once")


class Preview(View):
    """What a roll-out would do at the instant `previewed_at`. Nothing has been changed."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "policy_id": POLICY_ID,
                    "version": 2,
                    "calendar_version": 4,
                    "mode": "carry",
                    "previewed_at": AT,
                    "totals": TOTALS,
                    "items": [TICKET],
                    "next_cursor": None,
                }
            ]
        }
    )

    policy_id: UUID
    version: int
    calendar_version: int
    mode: RolloutMode
    previewed_at: Instant
    totals: PreviewTotals | None = Field(description="With the first page only: they take a look at every ticket")
    items: list[TicketPreview]
    next_cursor: str | None = None


class RolloutCounts(View):
    """How many tickets are in which state; together they are `total`."""

    total: int = 0
    queued: int = 0
    kept: int = 0
    applied: int = 0
    refused: int = 0
    failed: int = 0
    reverted: int = 0
    not_reverted: int = 0
    withdrawn: int = 0


class RolloutStepView(View):
    """A state the roll-out entered."""

    state: RolloutState
    at: Instant
    by: UUID | None = Field(description="The agent who asked for it; null: it followed by itself")


class RolloutView(View):
    """A roll-out and how far it has come."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": ROLLOUT_ID,
                    "policy_id": POLICY_ID,
                    "version": 2,
                    "calendar_version": 4,
                    "mode": "carry",
                    "filter": {"team_id": None, "priority": ["urgent"], "status": [], "from_versions": []},
                    "state": "running",
                    "counts": {"total": 100, "queued": 40, "applied": 58, "refused": 2},
                    "comment": "New contract, as of today",
                    "created_by": AGENT_ID,
                    "created_at": AT,
                    "history": [{"state": "queued", "at": AT, "by": AGENT_ID}],
                }
            ]
        }
    )

    id: UUID
    policy_id: UUID
    version: int
    calendar_version: int
    mode: RolloutMode
    filter: RolloutFilter
    state: RolloutState
    counts: RolloutCounts
    comment: str | None
    created_by: UUID | None
    created_at: Instant
    history: list[RolloutStepView] = Field(description="Every state it has been in; only ever added to")


class RolloutTicketView(View):
    """One ticket of a roll-out."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "ticket_id": TICKET_ID,
                    "number": "100042",
                    "from_version": 1,
                    "state": "refused",
                    "code": "illegal_transition",
                    "detail": "a closed ticket cannot change_policy",
                    "changed_at": AT,
                }
            ]
        }
    )

    ticket_id: UUID
    number: str
    from_version: int
    state: RolloutTicketState
    code: str | None = Field(description="Why it was refused, failed or not reverted")
    detail: str | None
    changed_at: Instant
