"""Whether an agent may sign in with a password or must use the identity provider."""

from uuid import UUID

from sqlalchemy import select

from services.assignment.models import ProviderIdentity, SingleSignOn
from services.assignment.schemas.single_sign_on import PasswordUse
from services.assignment.settings import AssignmentSettings
from shared.kit.db import Session
from shared.kit.http.problems import Problem


async def check_password_allowed(session: Session, settings: AssignmentSettings, agent_id: UUID) -> None:
    """Raises Problem 403 if not. Called after the password was found right, to reveal nothing to others."""
    stored = await session.scalar(select(SingleSignOn).limit(1))
    issuer = settings.oidc_issuer or (stored.issuer if stored else "")
    use = settings.oidc_passwords or (stored.passwords if stored else PasswordUse.ALLOWED)
    is_enabled = stored.is_enabled if stored else bool(settings.oidc_issuer)
    if use != PasswordUse.UNLINKED_ONLY or not is_enabled:
        return
    linked = select(ProviderIdentity.subject).where(
        ProviderIdentity.agent_id == agent_id, ProviderIdentity.issuer == issuer
    )
    if await session.scalar(linked.limit(1)) is not None:
        name = stored.name if stored else "your organisation"
        raise Problem(403, "use_single_sign_on", f"your password is not used any more: sign in with {name}")
