"""The choice of mails: kept here for its page, and announced, for notification decides what is sent."""

from datetime import datetime
from typing import Literal, cast

from sqlalchemy.dialects.postgresql import insert

from services.intake.commands.participants import answer_invitation
from services.intake.models import MailPreference
from shared.contracts.events import MailPreferencesChanged, MailPreferencesSet
from shared.contracts.vocabulary import ParticipantState
from shared.kit import outbox
from shared.kit.db import Session
from shared.kit.mail_preferences import PreferenceLink, recipient_key

Wanted = Literal["all", "replies", "none"]


async def find_wanted(session: Session, email: str) -> Wanted:
    """Returns what the owner of an address wants to get."""
    chosen = await session.get(MailPreference, recipient_key(email))
    return cast(Wanted, chosen.wanted) if chosen else "all"


async def choose_mails(session: Session, link: PreferenceLink, wanted: Wanted, at: datetime) -> None:
    """Keeps and announces a choice, unless a newer one is kept already; the same choice again changes nothing.

    Notification takes the newest as well: of two choices made at once, both keep the same.
    """
    if await find_wanted(session, link.email) == wanted:
        return
    key = recipient_key(link.email)
    if not await _keep(session, key, wanted, at):
        return
    told = MailPreferencesChanged(ticket_id=link.ticket_id, address_key=key, wanted=wanted, changed_at=at)
    await outbox.add(session, told, f"{link.ticket_id}:mail-preferences:{key[:16]}:{at.timestamp():.6f}", at)


async def keep_choice(session: Session, told: MailPreferencesSet) -> None:
    """Keeps what an operator chose for an address, unless its owner has chosen since."""
    await _keep(session, told.address_key, told.wanted, told.changed_at)


async def _keep(session: Session, key: str, wanted: Wanted, at: datetime) -> bool:
    """Keeps a choice if it is the newest; returns whether it is."""
    values = {"wanted": wanted, "changed_at": at}
    new = insert(MailPreference).values(key=key, **values)
    is_newer = MailPreference.changed_at < at
    kept = new.on_conflict_do_update(index_elements=[MailPreference.key], set_=values, where=is_newer)
    return await session.scalar(kept.returning(MailPreference.key)) is not None


async def unsubscribe(session: Session, link: PreferenceLink, at: datetime) -> None:
    """Stops the kind of mail that the link came in: copies of one ticket, else whatever no agent wrote."""
    if link.is_copy:
        await leave(session, link, at)
    elif await find_wanted(session, link.email) == "all":
        await choose_mails(session, link, "replies", at)


async def leave(session: Session, link: PreferenceLink, at: datetime) -> bool:
    """Takes somebody in copy out of the ticket, as they wish; False if they do not take part."""
    return await answer_invitation(session, link.ticket_id, link.email, ParticipantState.DECLINED, at)
