"""What all of intake's tables share: one metadata, one way to store a word."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import DateTime, Enum, MetaData
from sqlalchemy.orm import DeclarativeBase

from shared.contracts.vocabulary import ActorKind, BodyFormat, Channel, ParticipantState, Priority, Status
from shared.kit.audit_log import add_audit_table
from shared.kit.organisation_name import add_installation_table
from shared.kit.shared_budgets import add_budget_table
from shared.kit.tables import NAMING, add_kit_tables


def one_of(words: type[StrEnum]) -> Enum:
    """A column of one of the vocabulary's words, stored as plain text."""
    return Enum(words, native_enum=False, length=16, values_callable=lambda kinds: [kind.value for kind in kinds])


class Base(DeclarativeBase):
    """The schema of the database `intake`."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: DateTime(timezone=True),
        **{words: one_of(words) for words in (Status, Priority, Channel, BodyFormat, ActorKind, ParticipantState)},
    }


add_kit_tables(Base.metadata)
add_audit_table(Base.metadata)
add_installation_table(Base.metadata)
add_budget_table(Base.metadata)
