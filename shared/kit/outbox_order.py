"""What waits behind an event that the bus refuses: the later ones about the same entity, so that none overtakes it."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from shared.contracts.events import RequesterErased, TicketErased

ABOUT_LENGTH = 36
"""Of the id at the end of a subject."""
LARGE = 16 * 1024
"""Nothing about the same entity is sent before the bus has taken, or refused, an event of more bytes than this."""
NEVER_WAITS = tuple(f"{event.type()}." for event in (RequesterErased, TicketErased))
"""Whoever is to be forgotten does not wait for an operator; what is late then finds the tombstone."""
REFUSED_FIRST = f"""
refused as materialized (
  select about, min(id) as id from (
    select id, right(subject, {ABOUT_LENGTH}) as about from outbox where parked_at is not null
    union all select id, right(subject, {ABOUT_LENGTH}) from outbox where parked_at is null and refusals > 0
  ) as one group by about
)
"""  # noqa: S608 - SQL made of constants
MAY_LEAVE = f"""
parked_at is null and (
  right(subject, {ABOUT_LENGTH}) not in (select about from refused)
  or outbox.id <= (select refused.id from refused where refused.about = right(subject, {ABOUT_LENGTH}))
  or {" or ".join(f"starts_with(subject, '{prefix}')" for prefix in NEVER_WAITS)}
)
"""  # noqa: S608 - SQL made of constants
"""With `REFUSED_FIRST` before it. Its subqueries are asked once and hashed: what waits is still read by its index."""
HELD = f"with {REFUSED_FIRST} select about from refused"  # noqa: S608 - SQL made of constants
"""The entities with a refused event."""
STATE = f"""
with {REFUSED_FIRST}, free as (select created_at from outbox where {MAY_LEAVE})
select (select count(*) from free) as waiting, (select now() - min(created_at) from free) as oldest,
  (select count(*) from outbox where parked_at is not null) as parked,
  (select count(*) from outbox where parked_at is null) - (select count(*) from free) as behind
"""  # noqa: S608 - SQL made of constants
"""What an operator is told of an outbox."""


class SendOrder(NamedTuple):
    """Rows that may be sent side by side, and those that have to wait for them."""

    now: list[int]
    later: list[int]


def about(subject: str) -> str:
    """The entity an event on this subject is about."""
    return subject[-ABOUT_LENGTH:]


def may_leave(subject: str, held: Collection[str]) -> bool:
    """Whether an event may be sent while those about some entities wait."""
    return about(subject) not in held or subject.startswith(NEVER_WAITS)


def side_by_side(rows: Sequence[tuple[str, int]]) -> SendOrder:
    """Which rows, given as subject and size, may be sent together: nothing stands behind a large one of its entity."""
    order, large = SendOrder([], []), set[str]()
    for place, (subject, size) in enumerate(rows):
        entity = about(subject)
        (order.later if entity in large else order.now).append(place)
        if size > LARGE:
            large.add(entity)
    return order
