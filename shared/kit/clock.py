"""The only source of "now" and of new ids."""

from datetime import UTC, datetime
from uuid import UUID, uuid5

from uuid_utils.compat import uuid7


def utc_now() -> datetime:
    """This instant, aware, in UTC."""
    return datetime.now(UTC)


def new_id() -> UUID:
    """A UUIDv7: unique, and sorted by the time it was made."""
    made: UUID = uuid7()
    return made


def derived_id(namespace: UUID, name: str) -> UUID:
    """The same id each time it is asked for (UUIDv5)."""
    return uuid5(namespace, name)
