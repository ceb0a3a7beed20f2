"""Identity providers that take the place of the passwords of agents who are linked there."""

from sqlalchemy import select

from services.assignment.models import SingleSignOn
from services.assignment.schemas.single_sign_on import FIRST, PasswordUse
from services.assignment.settings import AssignmentSettings
from shared.kit.db import Session


async def issuers_instead_of_passwords(session: Session, settings: AssignmentSettings) -> dict[str, str]:
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
