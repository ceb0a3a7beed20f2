"""Chooses the channels of a settled notification: rules first, then what the recipient prefers."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from services.notification.delivery.channels import DeliveryChannel
from services.notification.delivery.templates import TemplateName
from services.notification.recipient_addresses import AddressStanding
from services.notification.recipients.preferences import URGENT, read_settings
from services.notification.rules.matrix import EVENT_OF, OUTSIDE, Matrix, RecipientAudience

STORM_MAILS = 5
"""So many mails to one person about one ticket within STORM_WINDOW; further ones are collected into one."""
STORM_WINDOW = timedelta(minutes=2)
STORM_PAUSE = timedelta(minutes=1)
BY_RULES = "the rules tell them by no channel"
BY_PREFERENCE = "they prefer not to be told of it"
OTHERWISE = "they are told by another channel"
TOLD_ALREADY = "they are told of it already"
BOUNCING = "mail to the address bounces; an administrator can clear it"


@dataclass(frozen=True, slots=True)
class ChannelChoice:
    """How one recipient is told; by no channel if there is a reason not to."""

    is_mailed: bool = False
    is_in_inbox: bool = False
    held_until: datetime | None = None
    bundle: str | None = None
    reason: str | None = None
    """Why no mail is sent."""


@dataclass(slots=True)
class ChannelRules:
    """What decides about the channels of one round of settlements."""

    matrix: Matrix
    standings: Mapping[str, AddressStanding]
    now: datetime
    told: set[tuple[str, UUID]] = field(default_factory=set)
    """Cause and agent of those who are told in this round."""
    recent: Counter[tuple[UUID, UUID]] = field(default_factory=Counter)
    """Mails of this round by ticket and agent."""

    def choose(self, row: Row[*tuple[Any, ...]], address: str | None) -> ChannelChoice:
        """Returns how the recipient of a row is told."""
        template = TemplateName(row.template)
        standing = self.standings.get(address or "", AddressStanding())
        if row.audience is None or template not in EVENT_OF:
            return ChannelChoice(reason=BOUNCING) if standing.is_bouncing else ChannelChoice(is_mailed=True)
        ruled = self.matrix.channels(EVENT_OF[template], RecipientAudience(row.audience))
        if row.audience in OUTSIDE:
            return _of_requester(template, ruled, standing)
        return self._of_agent(row, ruled, standing)

    def _of_agent(
        self, row: Row[*tuple[Any, ...]], ruled: frozenset[DeliveryChannel], standing: AddressStanding
    ) -> ChannelChoice:
        agent_id: UUID = row.known_agent_id
        if row.is_told_already or (row.cause, agent_id) in self.told:
            return ChannelChoice(reason=TOLD_ALREADY)
        settings, event = read_settings(row.preferences), EVENT_OF[TemplateName(row.template)]
        channels = settings.channels(event, ruled)
        is_mailed = DeliveryChannel.MAIL in channels and not standing.is_bouncing
        is_in_inbox = bool(channels) and (DeliveryChannel.INBOX in channels or not is_mailed)
        if not is_in_inbox and not is_mailed:
            return ChannelChoice(reason=BY_PREFERENCE if ruled else BY_RULES)
        self.told.add((row.cause, agent_id))
        if not is_mailed:
            return ChannelChoice(is_in_inbox=True, reason=BOUNCING if standing.is_bouncing else OTHERWISE)
        due_at, is_digest = settings.mail_due_at(event, self.now)
        held_until, bundle = (due_at if due_at > self.now else None), f"digest:{agent_id}" if is_digest else None
        self.recent[row.ticket_id, agent_id] += 1
        is_storm = row.recent_mails + self.recent[row.ticket_id, agent_id] > STORM_MAILS
        if bundle is None and is_storm and event not in URGENT:
            held_until, bundle = held_until or self.now + STORM_PAUSE, f"storm:{row.ticket_id}:{agent_id}"
        return ChannelChoice(is_mailed=True, is_in_inbox=is_in_inbox, held_until=held_until, bundle=bundle)


def _of_requester(
    template: TemplateName, ruled: frozenset[DeliveryChannel], standing: AddressStanding
) -> ChannelChoice:
    if standing.is_bouncing:
        return ChannelChoice(reason=BOUNCING)
    if not ruled:
        return ChannelChoice(reason=BY_RULES)
    if not standing.wants(template):
        return ChannelChoice(reason=BY_PREFERENCE)
    return ChannelChoice(is_mailed=True)
