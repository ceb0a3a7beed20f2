"""The condition for tickets that are worked on, written as in the indexes: a parameter would hide the likeness."""

from typing import Final

from sqlalchemy import Boolean, literal_column

from services.assignment.models.ticket_indexes import OPEN

IS_OPEN: Final = literal_column(f"tickets.{OPEN}", Boolean)
