"""The declarative base: one schema, the kit's tables included."""

from datetime import UTC, datetime
from typing import Any, ClassVar, cast
from uuid import UUID

from sqlalchemy import DateTime, MetaData, String, Table, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase

from shared.kit.audit_log import add_audit_table
from shared.kit.shared_budgets import add_budget_table
from shared.kit.tables import NAMING, add_kit_tables

FAR_FUTURE = datetime(9999, 12, 31, tzinfo=UTC)
"""Stands for "not due" where a column is sorted by, so that a keyset never meets a null."""


class Base(DeclarativeBase):
    """Every table of this service."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: DateTime(timezone=True),
        UUID: Uuid(),
        dict[str, Any]: JSONB(),
        list[Any]: JSONB(),
        list[str]: ARRAY(String(64)),
    }


add_kit_tables(Base.metadata)
add_audit_table(Base.metadata)
add_budget_table(Base.metadata)


def table_of(model: type[Base]) -> Table:
    """A model's table, for the hot paths that do without the ORM."""
    return cast("Table", model.__table__)
