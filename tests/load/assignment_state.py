"""The assignment service's state without its connections to others: None stands for each."""

from dataclasses import MISSING, fields
from typing import Any, cast

from services.assignment.app_state import AppState


def assignment_state(**known: Any) -> AppState:
    """What is known, and the defaults."""
    needed = [one.name for one in fields(AppState) if one.default_factory is MISSING and one.default is MISSING]
    return AppState(**cast("dict[str, Any]", dict.fromkeys(needed) | known))
