"""Client of notification's webhook API for the signed-in administrator, and what the pages show of its answers."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from services.assignment.app_state import AppState
from services.assignment.queries.access.callers import Caller
from services.assignment.web.admin.event_texts import EVENTS, GROUPS
from services.assignment.web.admin.intake.admin_client import administrator
from shared.contracts.events import (
    EVENTS as CONTRACT,
)
from shared.contracts.events import (
    AccessLinkRequested,
    AccountChanged,
    AccountLinkRequested,
    Event,
    MailPreferencesChanged,
    MailPreferencesSet,
    ReportReady,
)
from shared.kit.i18n.messages import gettext
from shared.kit.i18n.messages import marked as _

WITHHELD: tuple[type[Event], ...] = (
    AccessLinkRequested,
    AccountLinkRequested,
    AccountChanged,
    ReportReady,
    MailPreferencesChanged,
    MailPreferencesSet,
)
"""Events that no program gets."""
INSTANTS = frozenset(
    {
        *("created_at", "updated_at", "open_until", "last_success_at", "last_failure_at", "previous_until"),
        *("next_attempt_at", "delivered_at", "expires_at", "revoked_at", "last_used_at", "since"),
    }
)
STATES = {"active": (_("Active"), "ok"), "paused": (_("Paused"), "neutral"), "disabled": (_("Disabled"), "danger")}
STATUSES = {
    "queued": (_("Waits"), "neutral"),
    "sending": (_("Is being sent"), "neutral"),
    "delivered": (_("Delivered"), "ok"),
    "failed": (_("Failed"), "danger"),
    "dropped": (_("Dropped"), "neutral"),
}


async def ask(
    context: AppState,
    caller: Caller,
    method: str,
    path: str,
    body: Any = None,
    *,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Any:
    """Sends a request below /v1; raises the Problem that notification answers, and Problem 503 if it is down."""
    call = context.siblings.notification.call
    return (await call(administrator(caller), method, f"/v1{path}", body, query=query, headers=headers)).body


def with_instants(found: Mapping[str, Any]) -> dict[str, Any]:
    """Returns an answer with its instants read."""
    return {
        name: datetime.fromisoformat(value) if name in INSTANTS and isinstance(value, str) else value
        for name, value in found.items()
    }


def event_choices() -> list[tuple[str, str, Sequence[tuple[str, str]]]]:
    """Returns the groups of events: the group's pattern, its heading, and each event with what it says."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for name in offered_events():
        groups.setdefault(name.partition(".")[0], []).append((name, gettext(EVENTS[name])))
    return [(f"{group}.*", gettext(GROUPS[group]), sorted(events)) for group, events in sorted(groups.items())]


def offered_events() -> list[str]:
    """Returns the names of the events that webhooks can be told of."""
    return [event.event_name for event in CONTRACT.values() if not issubclass(event, WITHHELD)]
