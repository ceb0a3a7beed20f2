"""The stamp of all that routing rules are made of: read with each decision, instead of the rules themselves."""

from collections.abc import Collection
from datetime import date, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Row, Uuid, bindparam, exists, func, literal_column, select
from sqlalchemy.orm import InstrumentedAttribute

from services.assignment.models import Calendar, Organisation, Policy, RoutingDecision, RoutingRule, Team, Topic
from services.assignment.models.base import Base
from shared.kit.db import Session


def _version_of(model: type[Base], *where: ColumnElement[bool] | InstrumentedAttribute[bool]) -> Any:
    """Differs whenever a row came, went or was written anew, and reads none of what is in the rows."""
    written = func.concat(literal_column("xmin"), literal_column("ctid"))
    hashed = func.hashtextextended(written, literal_column("0"))
    return select(func.coalesce(func.sum(hashed), literal_column("0"))).select_from(model).where(*where)


def stamp_columns() -> tuple[ColumnElement[Any], ...]:
    """What a stamp is made of, and whether a first decision about one of `ticket_ids` is stored."""
    made_of = (
        *(_version_of(model) for model in (RoutingRule, Topic, Team)),
        _version_of(Calendar, Calendar.is_current),
        _version_of(Policy, Policy.is_current),
    )
    decided = RoutingDecision.ticket_id == func.any(bindparam("ticket_ids", type_=ARRAY(Uuid())))
    return (
        exists(select(Organisation.id)).label("has_organisations"),
        func.concat_ws("/", *(one.scalar_subquery() for one in made_of)).label("versions"),
        exists(select(RoutingDecision.ticket_id).where(decided)).label("is_decided"),
    )


STAMP: Final = select(*stamp_columns())
"""Built once: it runs with every new ticket."""


class RoutingStamp(NamedTuple):
    """Differs whenever a table made now, or the policies that it leads to, would."""

    has_organisations: bool
    versions: str
    day: date

    @classmethod
    def of(cls, row: Row[Any], now: datetime) -> "RoutingStamp":
        """That of a row with `stamp_columns`."""
        return cls(row.has_organisations, row.versions, now.date())


async def read_stamp(session: Session, now: datetime, ticket_ids: Collection[UUID] = ()) -> tuple[RoutingStamp, bool]:
    """The stamp, and whether a first decision about any of these tickets is stored, in one statement."""
    connection = await session.connection()
    row = (await connection.execute(STAMP, {"ticket_ids": list(ticket_ids)})).one()
    return RoutingStamp.of(row, now), row.is_decided
