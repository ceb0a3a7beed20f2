"""Audit log entries for accounts: password links, second factors, and sessions ended by others.

What changes how an agent signs in is told to them by mail as well, whoever did it.
"""

from collections.abc import Mapping
from typing import Any, Final

from services.assignment.commands.configuration.audit import audit_actor_id
from services.assignment.commands.people.account_notices import tell_of_change
from services.assignment.models import Agent
from services.assignment.queries.access.callers import Caller
from shared.contracts.events import AccountChange
from shared.kit.audit_log import AuditedChange, append_change
from shared.kit.clock import utc_now
from shared.kit.db import Session

ACCOUNT_CHANGES: Final[Mapping[str, AccountChange]] = {
    "agent.password-changed": "password_changed",
    "agent.password-reset": "password_changed",
    "agent.second-factor-added": "second_factor_added",
    "agent.second-factor-removed": "second_factor_removed",
    "agent.second-factor-reset": "second_factor_reset",
    "agent.recovery-codes-made": "recovery_codes_made",
}
"""The actions of which the agent is told."""


async def record_access(
    session: Session,
    action: str,
    agent: Agent,
    by: Caller | None = None,
    *,
    actor_name: str = "",
    address: str = "",
    told: Mapping[str, Any] | None = None,
) -> None:
    """Logs a change of an agent's authentication, made by a caller or by `actor_name` from `address`."""
    await append_change(
        session,
        AuditedChange(
            actor_id=audit_actor_id(by),
            actor_name=by.name if by else actor_name,
            address=by.address if by else address,
            action=action,
            subject_id=str(agent.id),
            subject_name=agent.name,
            before=None,
            after=dict(told or {}),
        ),
        utc_now(),
    )
    if action in ACCOUNT_CHANGES:
        await tell_of_change(session, agent, ACCOUNT_CHANGES[action])
