"""How one agent wants to be told: channels per event, the hours in which mail may come, and digests."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.dialects.postgresql import insert

from services.notification.delivery.channels import DeliveryChannel
from services.notification.models import NotificationPreferences
from services.notification.rules.matrix import RuleEvent
from shared.contracts.described_models import DescribedModel
from shared.contracts.policies import BusinessCalendar
from shared.domain.business_time import HolidaysNotExpanded, NoOpenTime, next_opening
from shared.kit.administrator_passes import Administrator
from shared.kit.clock import utc_now
from shared.kit.configuration_changes import record_change
from shared.kit.db import Session
from shared.kit.http.inputs import Flag
from shared.kit.http.problems import Problem, invalid

Digest = Literal["off", "hourly", "daily"]
URGENT = frozenset({RuleEvent.SLA_BREACHED, RuleEvent.ESCALATED})
"""What waits for no digest, and only for the mail hours if the agent says so."""
DIGEST_HOUR = 8
"""The local hour at which a daily digest is sent."""


class ChannelChoices(BaseModel):
    """An agent's choice about one event; null: as the rules say."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mail: Flag | None = None
    inbox: Flag | None = None


class NotificationChoices(DescribedModel):
    """An agent's preferences."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    events: dict[RuleEvent, ChannelChoices] = Field(default_factory=dict)
    """Choices per event; an event that is not named follows the rules."""
    mail_hours: BusinessCalendar | None = None
    """When mail may come; outside these hours it waits for the next opening. Null: at any time."""
    urgent_at_any_time: Flag = True
    """Whether breaches and escalations come outside the mail hours as well."""
    digest: Digest = "off"
    """Collects mails that are not urgent into one each hour, or one each day."""

    def channels(self, event: RuleEvent, ruled: frozenset[DeliveryChannel]) -> frozenset[DeliveryChannel]:
        """Returns the channels for an event, given those of the rules."""
        choices = self.events.get(event)
        if choices is None:
            return ruled
        found = set(ruled)
        for channel, is_wanted in ((DeliveryChannel.MAIL, choices.mail), (DeliveryChannel.INBOX, choices.inbox)):
            if is_wanted is not None:
                (found.add if is_wanted else found.discard)(channel)
        return frozenset(found)

    def mail_due_at(self, event: RuleEvent, now: datetime) -> tuple[datetime, bool]:
        """Returns when a mail about an event may be sent, and whether it is part of a digest."""
        is_urgent = event in URGENT
        at, is_digest = now, False
        if self.digest != "off" and not is_urgent:
            at, is_digest = self._next_digest(now), True
        if self.mail_hours is not None and not (is_urgent and self.urgent_at_any_time):
            at = _opening_after(self.mail_hours, at)
        return at, is_digest

    def _next_digest(self, now: datetime) -> datetime:
        if self.digest == "hourly":
            return now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        zone = self.mail_hours.zone if self.mail_hours else UTC
        today = now.astimezone(zone).replace(hour=DIGEST_HOUR, minute=0, second=0, microsecond=0)
        return today if today > now else today + timedelta(days=1)


def _opening_after(hours: BusinessCalendar, at: datetime) -> datetime:
    """Returns when the hours begin next; `at` itself where they never do any more, such as after their last day."""
    try:
        return next_opening(hours, at)
    except (NoOpenTime, HolidaysNotExpanded):
        return at


DEFAULT_SETTINGS = NotificationChoices()


def read_settings(stored: Mapping[str, Any] | None) -> NotificationChoices:
    """Returns stored preferences; the defaults where there are none."""
    return NotificationChoices.model_validate(stored) if stored else DEFAULT_SETTINGS


async def load_settings(session: Session, agent_id: UUID) -> tuple[NotificationChoices, int]:
    """Returns an agent's preferences and their version; version 0 where there are none."""
    row = await session.get(NotificationPreferences, agent_id)
    return (read_settings(row.settings), row.version) if row else (DEFAULT_SETTINGS, 0)


async def save_settings(
    session: Session, by: Administrator, agent_id: UUID, wanted: NotificationChoices, expected_version: int | None
) -> int:
    """Replaces an agent's preferences; returns the new version.

    Raises Problem 412 if they changed after `expected_version`, and 422 for hours that never come.
    """
    if wanted.mail_hours is not None:
        _check_hours(wanted.mail_hours)
    new = insert(NotificationPreferences).values(agent_id=agent_id, settings={}, version=0)
    await session.execute(new.on_conflict_do_nothing())
    row = await session.get_one(NotificationPreferences, agent_id, with_for_update=True)
    if expected_version is not None and expected_version != row.version:
        raise Problem(412, "version_conflict", "the preferences were changed since: read them again")
    before = read_settings(row.settings)
    if before == wanted:
        return row.version
    row.settings, row.version = wanted.model_dump(mode="json"), row.version + 1
    await record_change(session, by, ("agent-notification", str(agent_id), by.name), before, wanted)
    return row.version


def _check_hours(hours: BusinessCalendar) -> None:
    try:
        next_opening(hours, utc_now())
    except (NoOpenTime, HolidaysNotExpanded) as error:
        raise invalid("/mail_hours", str(error)) from error
