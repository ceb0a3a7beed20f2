"""Whether an agent may sign in with a password or must use the identity provider."""

from uuid import UUID

from sqlalchemy import select

from services.assignment.models import ProviderIdentity, SingleSignOn
from services.assignment.schemas.single_sign_on import FIRST, PasswordUse
from services.assignment.settings import AssignmentSettings
from shared.kit.db import Session
from shared.kit.http.problems import Problem


async def check_password_allowed(session: Session, settings: AssignmentSettings, agent_id: UUID) -> None:
    """Raises Problem 403 if not. Called after the password was found right, to reveal nothing to others."""
    only_there = await _issuers_instead_of_passwords(session, settings)
    if not only_there:
        return
    linked = select(ProviderIdentity.issuer).where(
        ProviderIdentity.agent_id == agent_id, ProviderIdentity.issuer.in_(only_there)
    )
    issuer = await session.scalar(linked.limit(1))
    if issuer is not None:
        detail = f"your password is not used any more: sign in with {only_there[issuer]}"
        raise Problem(403, "use_single_sign_on", detail)


async def _issuers_instead_of_passwords(session: Session, settings: AssignmentSettings) -> dict[str, str]:
    """The names of the providers, by issuer, that take the place of their people's passwords."""
    found: dict[str, str] = {}
    stored = {row.id: row for row in await session.scalars(select(SingleSignOn))}
    for number in {FIRST, *stored}:
        row = stored.get(number)
        fixed = settings.oidc_issuer if number == FIRST else None
        issuer = fixed or (row.issuer if row else "")
        use = settings.oidc_passwords or (row.passwords if row else PasswordUse.ALLOWED)
        if (row.is_enabled if row else bool(fixed)) and use == PasswordUse.UNLINKED_ONLY:
            found[issuer] = row.name if row else "your organisation"
    return found
