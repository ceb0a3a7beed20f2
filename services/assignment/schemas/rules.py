"""SLA policies and calendars: what the API takes and answers."""

from typing import TYPE_CHECKING, Literal
from uuid import UUID

from services.assignment.schemas.holidays import FeedStatus
from services.assignment.schemas.patches import patch_of
from shared.contracts.base import Instant
from shared.contracts.calendars import BusinessCalendar, Holiday, SpecialDay, WeeklyHours
from shared.contracts.policies import SlaPolicy
from shared.kit.http.inputs import Input, Line, Slug


class CalendarInput(BusinessCalendar):
    """A new calendar."""

    slug: Slug
    name: Line


class CalendarPatch(Input):
    """What to change; makes the next version."""

    name: Line | None = None
    timezone: str | None = None
    weekly: WeeklyHours | None = None
    holidays: tuple[Holiday, ...] | None = None
    special_days: tuple[SpecialDay, ...] | None = None
    holiday_country: str | None = None


class CalendarView(BusinessCalendar):
    """A calendar's newest version."""

    slug: str
    name: str
    version: int
    created_at: Instant
    feed_url: str | None = None
    """Where its holidays come from every day, beside those entered by hand."""
    feed_status: FeedStatus | None = None


class PolicyInput(SlaPolicy):
    """A new SLA policy."""

    is_default: bool = False
    is_active: Literal[True] = True
    """A new policy is active; said here so that what was read can be sent again."""


if TYPE_CHECKING:
    PolicyPatch = Input
else:
    PolicyPatch = patch_of(
        "PolicyPatch",
        SlaPolicy,
        "What to change; makes the next version. Tickets keep theirs.",
        is_default=bool,
        is_active=bool,
    )


class PolicyView(SlaPolicy):
    """An SLA policy's newest version."""

    id: UUID
    version: int
    is_default: bool
    is_active: bool = True
    """Whether tickets may still be given it; routing takes the default policy instead of an inactive one."""
    created_at: Instant
