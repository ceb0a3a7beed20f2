"""Whether an agent may sign in with a password or must use the identity provider."""

from uuid import UUID

from sqlalchemy import select

from services.assignment.models import ProviderIdentity
from services.assignment.queries.access.password_replacement import issuers_instead_of_passwords
from services.assignment.settings import AssignmentSettings
from shared.kit.db import Session
from shared.kit.http.problems import Problem


async def check_password_allowed(session: Session, settings: AssignmentSettings, agent_id: UUID) -> None:
    """Raises Problem 403 if not. Called after the password was found right, to reveal nothing to others."""
    only_there = await issuers_instead_of_passwords(session, settings)
    if not only_there:
        return
    linked = select(ProviderIdentity.issuer).where(
        ProviderIdentity.agent_id == agent_id, ProviderIdentity.issuer.in_(only_there)
    )
    issuer = await session.scalar(linked.limit(1))
    if issuer is not None:
        detail = f"your password is not used any more: sign in with {only_there[issuer]}"
        raise Problem(403, "use_single_sign_on", detail)
