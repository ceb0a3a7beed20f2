"""Chooses a new ticket's SLA policy by precedence: rule, organisation, team, default.

1. a rule that overrides, 2. the requester's organisation, 3. a rule (so also a topic's), 4. the team, 5. the default.
A policy that is not active counts as none, and the next in line is taken.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.assignment.queries.administration.policies import PolicyCache
from shared.contracts.policies import PolicySnapshot
from shared.domain.errors import PolicyMissing
from shared.kit.db import Session

PolicyReason = Literal["rule", "organisation", "team", "default"]


@dataclass(frozen=True, slots=True)
class PolicySources:
    """Who has a say in a ticket's policy, and what they say."""

    rule: UUID | None = None
    rule_overrides: bool = False
    organisation: UUID | None = None
    team: UUID | None = None
    hours: str | None = None
    """The slug of the team's calendar: what the team or the default says counts in these hours."""

    def in_line(self) -> Iterator[tuple[PolicyReason, UUID]]:
        """What is said, the strongest first."""
        by_rule: tuple[PolicyReason, UUID | None] = ("rule", self.rule)
        by_organisation: tuple[PolicyReason, UUID | None] = ("organisation", self.organisation)
        first, second = (by_rule, by_organisation) if self.rule_overrides else (by_organisation, by_rule)
        by_team: tuple[PolicyReason, UUID | None] = ("team", self.team)
        for reason, policy_id in (first, second, by_team):
            if policy_id is not None:
                yield reason, policy_id


@dataclass(frozen=True, slots=True)
class PolicyChoice:
    """The policy, and who said so."""

    policy: PolicySnapshot
    reason: PolicyReason
    has_inactive: bool = False
    """Whether somebody stronger names a policy that is not active any more."""


async def policy_for(session: Session, shelf: PolicyCache, sources: PolicySources, now: datetime) -> PolicyChoice:
    """The policy of a ticket. Raises PolicyMissing if nothing is said and there is no default."""
    has_inactive = False
    for reason, policy_id in sources.in_line():
        found = await shelf.find_current(session, policy_id, now, sources.hours if reason == "team" else None)
        if found is not None:
            return PolicyChoice(found, reason, has_inactive)
        has_inactive = True
    default = await shelf.find_default(session, now, sources.hours)
    if default is None:
        raise PolicyMissing("no SLA policy is marked as the default; mark one at /v1/sla-policies")
    return PolicyChoice(default, "default", has_inactive)
