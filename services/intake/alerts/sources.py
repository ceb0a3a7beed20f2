"""How the alerts of a key are treated: what a recovery does, topic, priorities by severity, the limit of a storm."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from services.intake.models import AlertSource, StoredApiKey, Topic
from services.intake.models.alerts import STORM_LIMIT
from shared.contracts.events import Person
from shared.contracts.vocabulary import Priority
from shared.kit.addresses import NOWHERE
from shared.kit.db import Session
from shared.kit.http.problems import not_found

PRIORITIES: Mapping[str, Priority] = {
    **dict.fromkeys(("emergency", "disaster", "critical", "fatal", "page"), Priority.URGENT),
    **dict.fromkeys(("error", "major", "high", "average"), Priority.HIGH),
    **dict.fromkeys(("warning", "minor", "medium"), Priority.NORMAL),
    **dict.fromkeys(("info", "informational", "low", "none"), Priority.LOW),
}
"""What common systems call their severities; a source's own table comes first."""


class RecoveryPolicy(StrEnum):
    """What happens to the ticket of an alert that has recovered."""

    RESOLVE = "resolve"
    NOTE = "note"
    """A message says so; people decide."""
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRules:
    """The rules of a key, and the name under which its tickets are asked for."""

    key_id: str
    name: str
    on_recovery: RecoveryPolicy = RecoveryPolicy.RESOLVE
    topic_id: UUID | None = None
    topic_priority: Priority | None = None
    priorities: Mapping[str, Priority] = field(default_factory=dict)
    storm_limit: int = STORM_LIMIT
    version: int = 1

    @property
    def requester(self) -> Person:
        """Who asks: a program, at an address to which no mail can go."""
        return Person(email=f"alerts-{self.key_id}@alerts{NOWHERE}", name=self.name)

    def priority_of(self, severity: str) -> Priority | None:
        """The priority for a severity; the topic's for one that nobody has named."""
        name = severity.casefold()
        return self.priorities.get(name) or PRIORITIES.get(name) or self.topic_priority


async def get_rules(session: Session, key_id: str) -> SourceRules:
    """The rules of a key, the usual ones where nobody has changed them. Raises Problem 404 for no such key."""
    query = (
        select(StoredApiKey.name, AlertSource, Topic.id.label("topic_id"), Topic.priority)
        .outerjoin(AlertSource, AlertSource.key_id == StoredApiKey.key_id)
        .outerjoin(Topic, (Topic.id == AlertSource.topic_id) & Topic.is_active)
        .where(StoredApiKey.key_id == key_id)
    )
    row = (await session.execute(query)).one_or_none()
    if row is None:
        raise not_found("key")
    stored: AlertSource | None = row.AlertSource
    if stored is None:
        return SourceRules(key_id=key_id, name=row.name)
    return SourceRules(
        key_id=key_id,
        name=row.name,
        on_recovery=RecoveryPolicy(stored.on_recovery),
        topic_id=row.topic_id,
        topic_priority=row.priority,
        priorities={severity: Priority(str(priority)) for severity, priority in stored.priorities.items()},
        storm_limit=stored.storm_limit,
        version=stored.version,
    )


async def hold_source(session: Session, key_id: str) -> AlertSource:
    """The source's row, made if need be, held to the end of the transaction. Hold the alerts' rows first, if any."""
    values = {
        "key_id": key_id,
        "on_recovery": RecoveryPolicy.RESOLVE,
        "priorities": {},
        "storm_limit": STORM_LIMIT,
        "version": 1,
        "minute_count": 0,
    }
    await session.execute(insert(AlertSource).values(values).on_conflict_do_nothing())
    held = select(AlertSource).where(AlertSource.key_id == key_id).with_for_update()
    return (await session.scalars(held.execution_options(populate_existing=True))).one()
