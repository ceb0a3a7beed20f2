"""The seeded organisation as data: roles, people, teams, calendars, SLA policies and routing rules."""

from typing import Any
from uuid import UUID

from shared.contracts.calendars import BusinessCalendar
from shared.contracts.policies import SlaPolicy
from shared.contracts.vocabulary import Permission, Scope
from shared.kit.clock import derived_id

NAMESPACE = UUID("6d1f3f0e-7c41-5d0b-9a8e-3b0a5f0c1e77")

LIMITED = (
    Permission.TICKET_VIEW,
    Permission.TICKET_CREATE,
    Permission.TICKET_ASSIGN,
    Permission.TICKET_CLAIM,
    Permission.TICKET_RELEASE,
    Permission.TICKET_TRANSFER,
    Permission.TICKET_REPLY,
    Permission.TICKET_NOTE,
    Permission.TICKET_TAG,
)
EXPANDED = (
    *LIMITED,
    Permission.TICKET_EDIT,
    Permission.TICKET_RESOLVE,
    Permission.TICKET_CLOSE,
    Permission.TICKET_REOPEN,
    Permission.TICKET_MERGE,
    Permission.REPORT_VIEW,
)
ROLES: dict[str, tuple[Scope, tuple[Permission, ...]]] = {
    "All access": (Scope.ALL, tuple(Permission)),
    "Expanded": (Scope.TEAMS, EXPANDED),
    "Limited": (Scope.TEAMS, LIMITED),
    "View only": (Scope.TEAMS, (Permission.TICKET_VIEW, Permission.REPORT_VIEW)),
}

AGENTS = {
    "ada@everdesk.example": "Ada Lindqvist",
    "bruno@everdesk.example": "Bruno Costa",
    "chioma@everdesk.example": "Chioma Eze",
    "dmitri@everdesk.example": "Dmitri Volkov",
    "vera@everdesk.example": "Vera Novak",
}

TEAMS = {
    "service-desk": ("Service desk", "bruno@everdesk.example"),
    "online-banking": ("Online banking", "ada@everdesk.example"),
    "access-management": ("Access management", "chioma@everdesk.example"),
}
FALLBACK_TEAM = "service-desk"

MEMBERSHIPS = (
    ("ada@everdesk.example", "online-banking", "All access"),
    ("bruno@everdesk.example", "online-banking", "All access"),
    ("chioma@everdesk.example", "online-banking", "Expanded"),
    ("vera@everdesk.example", "online-banking", "View only"),
    ("bruno@everdesk.example", "service-desk", "All access"),
    ("dmitri@everdesk.example", "service-desk", "Limited"),
    ("chioma@everdesk.example", "access-management", "Expanded"),
    ("dmitri@everdesk.example", "access-management", "Limited"),
)

ALL_DAY = [("00:00", "24:00")]
OFFICE = [("09:00", "17:00")]
WEEK = ("mon", "tue", "wed", "thu", "fri")
CALENDARS: dict[str, tuple[str, BusinessCalendar]] = {
    "always": (
        "Around the clock",
        BusinessCalendar.model_validate(
            {"timezone": "UTC", "weekly": dict.fromkeys((*WEEK, "sat", "sun"), ALL_DAY)},
        ),
    ),
    "office-hours": (
        "Office hours, Berlin",
        BusinessCalendar.model_validate(
            {"timezone": "Europe/Berlin", "weekly": dict.fromkeys(WEEK, OFFICE), "holiday_country": "DE"},
        ),
    ),
}

MINUTE, HOUR = 60, 3600


def _targets(first: int, following: int, resolution: int) -> dict[str, int]:
    return {"first_response": first, "next_response": following, "resolution": resolution}


TARGETS = {
    "urgent": _targets(15 * MINUTE, 30 * MINUTE, 4 * HOUR),
    "high": _targets(1 * HOUR, 2 * HOUR, 8 * HOUR),
    "normal": _targets(4 * HOUR, 8 * HOUR, 24 * HOUR),
    "low": _targets(8 * HOUR, 16 * HOUR, 72 * HOUR),
}
DEFAULT_POLICY = "Standard"
POLICIES = {
    name: SlaPolicy.model_validate({"name": name, "calendar": calendar, "targets": TARGETS})
    for name, calendar in ((DEFAULT_POLICY, "always"), ("Office hours", "office-hours"))
}

ROUTING_RULES: tuple[dict[str, Any], ...] = (
    {"position": 10, "topic": "online-banking", "team": "online-banking", "set_priority": "high"},
    {"position": 20, "topic": "access", "team": "access-management", "set_priority": None},
)
"""What none of them matches goes to the fallback team."""


def id_of(kind: str, name: str) -> UUID:
    """The same id in every installation."""
    return derived_id(NAMESPACE, f"{kind}:{name}")
