"""Saved reports and report schedules as the API takes and answers them."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from services.assignment.schemas.tickets import View
from shared.contracts.base import Instant
from shared.kit.http.inputs import Flag, Input, Line, Whole

ReportName = Literal["sla", "times", "activity", "arrivals", "csat", "held", "backlog", "workload"]
Days = Annotated[Whole, Field(ge=1, le=3660)]
Grouping = Literal["team", "agent", "topic", "priority", "channel", "organisation"]
Stepping = Literal["hour", "day", "week", "month"]


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        raise ValueError("must be the name of a time zone, such as Europe/Berlin") from None
    return name


Zone = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_zone)]
Name = Annotated[Line, Field(max_length=100)]
LocalTime = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class SavedParameters(Input):
    """What a saved report asks for; what is left out is as the report has it."""

    days: Days = 30
    """How far back from when it is read."""
    time_zone: Zone = "UTC"
    team: Annotated[str, StringConstraints(max_length=64)] | None = None
    """Id or slug."""
    group_by: Grouping = "team"
    interval: Stepping | None = None


class SavedReportInput(Input):
    """A report to save."""

    name: Name
    report: ReportName
    parameters: SavedParameters = SavedParameters()
    team_id: UUID | None = None
    """The team to share it with; null: nobody."""


class SavedReportPatch(Input):
    """What to change; what is left out stays."""

    name: Name | None = None
    team_id: UUID | None = None


class SavedReportView(View):
    """A saved report."""

    id: UUID
    name: str
    report: str
    parameters: dict[str, Any]
    team_id: UUID | None
    owner_id: UUID
    owner: str
    link: str
    """The path of its page, which goes on to the report."""
    is_editable: bool
    version: int


class Frequency(StrEnum):
    """How often a report is sent."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


class ScheduleInput(Input):
    """A report to send: of the day, the seven days or the month before the day it is sent."""

    name: Name
    report: ReportName
    parameters: SavedParameters = SavedParameters()
    """`days` and `time_zone` do not count: the schedule says both."""
    frequency: Frequency
    weekday: Annotated[Whole, Field(ge=1, le=7)] | None = None
    """1 is Monday; of weekly ones."""
    day: Annotated[Whole, Field(ge=1, le=31)] | None = None
    """Of monthly ones; a shorter month's last day stands for it."""
    at: LocalTime
    """The local time, such as `08:00`. One that the clocks skip is sent when they have."""
    time_zone: Zone
    recipients: Annotated[list[UUID], Field(min_length=1, max_length=50)]
    """Agents. Each gets what they may see when it is sent; who may see no reports then gets none."""
    is_paused: Flag = False

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.weekday is not None) != (self.frequency is Frequency.WEEKLY):
            raise ValueError("name the weekday exactly if the report is weekly")
        if (self.day is not None) != (self.frequency is Frequency.MONTHLY):
            raise ValueError("name the day exactly if the report is monthly")
        return self


class SchedulePatch(Input):
    """What to change; what is left out stays. With another `frequency`, the day that does not fit it is forgotten."""

    name: Name | None = None
    report: ReportName | None = None
    parameters: SavedParameters | None = None
    frequency: Frequency | None = None
    weekday: Annotated[Whole, Field(ge=1, le=7)] | None = None
    day: Annotated[Whole, Field(ge=1, le=31)] | None = None
    at: LocalTime | None = None
    time_zone: Zone | None = None
    recipients: Annotated[list[UUID], Field(min_length=1, max_length=50)] | None = None
    is_paused: Flag | None = None


class RunView(View):
    """One sending."""

    period: str
    at: Instant
    result: Literal["sent", "skipped", "failed"]
    detail: str
    sent_to: int


class ScheduleView(View):
    """A scheduled report with its last runs, the newest first."""

    id: UUID
    name: str
    report: str
    parameters: dict[str, Any]
    frequency: Frequency
    weekday: int | None
    day: int | None
    at: str
    time_zone: str
    recipients: list[UUID]
    is_paused: bool
    paused_because: str | None
    """Why it pauses by itself: its owner could not have it sent with the roles of now. It goes on when they can."""
    next_due_at: datetime | None
    """Null while paused."""
    version: int
    runs: list[RunView]
