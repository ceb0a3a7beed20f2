"""Second factors of agents: listing, checking codes, removal."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from services.assignment.access import totp
from services.assignment.access.factor_keys import FactorKeys
from services.assignment.models import Membership, Passkey, PendingSignIn, RecoveryCode, Role, Session, TotpSecret
from shared.kit.clock import utc_now
from shared.kit.db import Session as Transaction
from shared.kit.http.problems import Problem

RECOVERY_CODES = 10
RECOVERY_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
RECOVERY_LENGTH = 12
"""Letters of a code: 60 random bits."""
CodeKind = Literal["totp", "recovery_code"]


@dataclass(frozen=True, slots=True)
class Factors:
    """The second factors that an agent has set up."""

    has_totp: bool
    passkeys: int
    recovery_codes: int
    """How many are left."""

    @property
    def is_enrolled(self) -> bool:
        """Whether sign-in requires a second factor; recovery codes alone do not count."""
        return self.has_totp or self.passkeys > 0

    @property
    def methods(self) -> list[str]:
        """The second-factor methods available at sign-in."""
        usable = {"totp": self.has_totp, "passkey": self.passkeys > 0, "recovery_code": self.recovery_codes > 0}
        return [name for name, is_usable in usable.items() if is_usable]


async def find_factors(session: Transaction, agent_id: UUID) -> Factors:
    """Reads an agent's second factors."""
    confirmed = select(TotpSecret.agent_id).where(TotpSecret.agent_id == agent_id, TotpSecret.confirmed_at.is_not(None))
    passkeys = select(func.count()).select_from(Passkey).where(Passkey.agent_id == agent_id)
    codes = select(func.count()).select_from(RecoveryCode).where(RecoveryCode.agent_id == agent_id)
    row = (await session.execute(select(confirmed.exists(), passkeys.scalar_subquery(), codes.scalar_subquery()))).one()
    return Factors(bool(row[0]), int(row[1]), int(row[2]))


async def is_second_factor_required(session: Transaction, agent_id: UUID) -> bool:
    """Whether one of the agent's roles requires a second factor."""
    asking = (
        select(Role.id)
        .join(Membership, Membership.role_id == Role.id)
        .where(Membership.agent_id == agent_id, Role.requires_second_factor)
        .limit(1)
    )
    return await session.scalar(asking) is not None


async def begin_totp(session: Transaction, keys: FactorKeys, agent_id: UUID) -> bytes:
    """The TOTP secret of an app being set up; stays the same until confirmed, so that the page can be reloaded.

    Raises Problem 409 where an app is in use already.
    """
    secret = totp.new_secret()
    written = keys.encrypt(agent_id, secret)
    new = insert(TotpSecret).values(agent_id=agent_id, secret=written, created_at=utc_now(), last_step=0)
    await session.execute(new.on_conflict_do_nothing())
    stored = await session.get_one(TotpSecret, agent_id, with_for_update=True)
    if stored.confirmed_at is not None:
        raise Problem(409, "already_set_up", "an authenticator app is set up already; remove it first")
    known = keys.decrypt(agent_id, stored.secret)
    if known is not None:
        return known
    stored.secret = written
    return secret


async def confirm_totp(session: Transaction, keys: FactorKeys, agent_id: UUID, code: str) -> bool:
    """Enrols the app if the code is right, and consumes the code. Returns whether it was right."""
    stored = await session.get(TotpSecret, agent_id, with_for_update=True)
    if stored is None or stored.confirmed_at is not None:
        return False
    secret, now = keys.decrypt(agent_id, stored.secret), utc_now()
    step = totp.find_step(secret, normalised(code), now, after=stored.last_step) if secret else None
    if step is None:
        return False
    stored.confirmed_at, stored.last_step = now, step
    return True


async def check_code(
    session: Transaction, keys: FactorKeys, agent_id: UUID, code: str, at: datetime
) -> CodeKind | None:
    """Checks and consumes a TOTP or recovery code; None for a wrong one. Row locks prevent double use."""
    given = normalised(code)
    stored = await session.get(TotpSecret, agent_id, with_for_update=True)
    if stored is not None and stored.confirmed_at is not None and len(given) == totp.DIGITS:
        secret = keys.decrypt(agent_id, stored.secret)
        step = totp.find_step(secret, given, at, after=stored.last_step) if secret else None
        if step is not None:
            stored.last_step = step
            return "totp"
    if len(given) != RECOVERY_LENGTH:
        return None
    used = delete(RecoveryCode).where(
        RecoveryCode.agent_id == agent_id, RecoveryCode.digest.in_(keys.digests(agent_id, given))
    )
    return "recovery_code" if (await session.execute(used.returning(RecoveryCode.digest))).all() else None


async def make_recovery_codes(session: Transaction, keys: FactorKeys, agent_id: UUID) -> list[str]:
    """Replaces the recovery codes and returns the new ones, to be shown once."""
    codes = ["".join(secrets.choice(RECOVERY_LETTERS) for _ in range(RECOVERY_LENGTH)) for _ in range(RECOVERY_CODES)]
    await session.execute(delete(RecoveryCode).where(RecoveryCode.agent_id == agent_id))
    session.add_all([RecoveryCode(agent_id=agent_id, digest=keys.digests(agent_id, code)[0]) for code in codes])
    return [f"{code[:4]}-{code[4:8]}-{code[8:]}" for code in codes]


async def settle_removal(session: Transaction, agent_id: UUID) -> None:
    """Cleans up after a removal: without a factor left, recovery codes and second-factor proofs of sessions go."""
    await session.flush()
    if (await find_factors(session, agent_id)).is_enrolled:
        return
    await session.execute(delete(RecoveryCode).where(RecoveryCode.agent_id == agent_id))
    await session.execute(update(Session).where(Session.agent_id == agent_id).values(second_factor=None))


async def remove_all_factors(session: Transaction, agent_id: UUID) -> None:
    """Removes every second factor of an agent, and pending sign-ins that wait for one."""
    for model in (TotpSecret, Passkey, RecoveryCode, PendingSignIn):
        await session.execute(delete(model).where(model.agent_id == agent_id))
    await settle_removal(session, agent_id)


def normalised(code: str) -> str:
    """A code without blanks and hyphens; empty if it cannot be one."""
    text = "".join(character for character in code if character not in " -\t").upper()
    return text if text.isascii() and text.isalnum() and len(text) <= RECOVERY_LENGTH else ""
