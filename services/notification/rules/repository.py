"""Reads and changes the notification matrix; a change is one audited transaction."""

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from services.notification.delivery.channels import DeliveryChannel
from services.notification.models import NotificationRules
from services.notification.rules.matrix import (
    Cell,
    Matrix,
    RecipientAudience,
    RuleEvent,
    default_of,
    offered_cells,
)
from shared.kit.administrator_passes import Administrator
from shared.kit.configuration_changes import record_change
from shared.kit.db import Session
from shared.kit.http.problems import Problem

ONLY_ROW = 1
OFFERED = frozenset(offered_cells())


async def load_matrix(session: Session) -> Matrix:
    """Returns the rules in force."""
    query = select(NotificationRules.cells, NotificationRules.version).where(NotificationRules.id == ONLY_ROW)
    row = (await session.execute(query)).one_or_none()
    return Matrix(_cells(row.cells), row.version) if row else Matrix({})


async def save_matrix(
    session: Session, by: Administrator, wanted: Mapping[Cell, bool], expected_version: int | None
) -> Matrix:
    """Replaces the changed cells; cells that are not named go back to their defaults.

    Raises Problem 412 if somebody else changed the rules after `expected_version`.
    """
    await session.execute(insert(NotificationRules).values(id=ONLY_ROW).on_conflict_do_nothing())
    row = (
        await session.scalars(select(NotificationRules).where(NotificationRules.id == ONLY_ROW).with_for_update())
    ).one()
    if expected_version is not None and expected_version != row.version:
        raise Problem(412, "version_conflict", "the rules were changed since: read them again")
    before = _cells(row.cells)
    after = {cell: is_on for cell, is_on in wanted.items() if cell in OFFERED and is_on != default_of(cell)}
    if before == after:
        return Matrix(before, row.version)
    row.cells, row.version = {_key(cell): is_on for cell, is_on in sorted(after.items())}, row.version + 1
    subject = ("notification-rules", "notification-rules", "Notification rules")
    await record_change(session, by, subject, _told(before, after), _told(after, before))
    return Matrix(after, row.version)


def _told(cells: Mapping[Cell, bool], other: Mapping[Cell, bool]) -> dict[str, bool]:
    """Returns the values of the cells in which the two differ."""
    named = sorted(cells.keys() | other.keys())
    now = {cell: cells.get(cell, default_of(cell)) for cell in named}
    return {_key(cell): is_on for cell, is_on in now.items() if is_on != other.get(cell, default_of(cell))}


def _key(cell: Cell) -> str:
    return ".".join(cell)


def _cells(stored: Mapping[str, bool]) -> dict[Cell, bool]:
    """Returns the stored cells, without those that no longer exist."""
    found: dict[Cell, bool] = {}
    for key, is_on in stored.items():
        try:
            event, audience, channel = key.split(".")
            cell = (RuleEvent(event), RecipientAudience(audience), DeliveryChannel(channel))
        except ValueError:
            continue
        if cell in OFFERED:
            found[cell] = is_on
    return found
