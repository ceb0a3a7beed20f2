"""The SLA policy the log is played under: the seed's targets, office hours of a zone with both daylight-saving days."""

from datetime import datetime, timedelta

from services.assignment.calendar_resolution import resolve
from services.assignment.seed.organisation import TARGETS, WEEK
from shared.contracts.base import PolicyId
from shared.contracts.calendars import BusinessCalendar
from shared.contracts.policies import LifecycleTimes, PolicySnapshot
from tests.support.tickets import an_id

AUTO_CLOSE = timedelta(days=5)
REOPEN_WINDOW = timedelta(days=45)
"""The log's latest reopening came 41 days after its closing: with this window none is refused."""
HOURS = BusinessCalendar.model_validate(
    {
        "timezone": "Europe/London",
        "weekly": {day: [("08:00", "18:00")] for day in WEEK},
        "holiday_country": "GB-ENG",
    }
)


def policy_from(first: datetime) -> PolicySnapshot:
    """The policy as a ticket carries it, exact from the year before `first` on."""
    return PolicySnapshot.model_validate(
        {
            "policy_id": PolicyId(an_id("replay")),
            "version": 1,
            "name": "Replay",
            "targets": TARGETS,
            "pause_on_hold": True,
            "calendar": resolve(HOURS, "replay", 1, first),
            "times": LifecycleTimes(
                auto_close_seconds=int(AUTO_CLOSE.total_seconds()),
                reopen_window_seconds=int(REOPEN_WINDOW.total_seconds()),
            ),
        }
    )
