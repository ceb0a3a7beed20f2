"""What is known of the addresses that mail goes to: how much their owners want to hear, and whether mail bounces."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from sqlalchemy import ARRAY, String, any_, bindparam, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from services.notification.models import RecipientAddress
from shared.contracts.events import MailPreferencesSet
from shared.kit import outbox
from shared.kit.administrator_passes import Administrator
from shared.kit.auth import EPOCH
from shared.kit.clock import utc_now
from shared.kit.configuration_changes import record_change
from shared.kit.db import Session
from shared.kit.mail_preferences import recipient_key

Wanted = Literal["all", "replies", "none"]
_UNKNOWN_MAILBOX = re.compile(r"55\d[ -]5\.1\.(1|6|10)\b")
REPLIES = frozenset({"reply"})
"""The templates that somebody who wants replies only is still sent."""


@dataclass(frozen=True, slots=True)
class AddressStanding:
    """How much the owner of an address wants to hear, and whether mail to it bounces."""

    wanted: str = "all"
    is_bouncing: bool = False

    def wants(self, template: str) -> bool:
        """Whether a mail of this kind is wanted."""
        return self.wanted == "all" or (self.wanted == "replies" and template in REPLIES)


def is_unknown_mailbox(answer: str) -> bool:
    """Whether a server's answer says for good that there is no such mailbox (RFC 3463: 5.1.1, 5.1.6, 5.1.10)."""
    return _UNKNOWN_MAILBOX.match(answer) is not None


def key_of(address: str) -> str:
    """Returns the key of an address, which does not show it."""
    return recipient_key(address)


STANDINGS: Final = select(RecipientAddress.key, RecipientAddress.wanted, RecipientAddress.bounced_at).where(
    RecipientAddress.key == any_(bindparam("keys", type_=ARRAY(String())))
)
"""Built once, for any number of addresses."""


async def standings_of(session: Session, addresses: Collection[str]) -> dict[str, AddressStanding]:
    """Returns what is known of the addresses, by address as it was given; of several spellings by each.

    An address about which nothing is known is left out.
    """
    keys = {address: key_of(address) for address in addresses}
    if not keys:
        return {}
    rows = await session.execute(STANDINGS, {"keys": list(set(keys.values()))})
    known = {row.key: AddressStanding(row.wanted, row.bounced_at is not None) for row in rows}
    return {address: known[key] for address, key in keys.items() if key in known}


async def set_wanted(session: Session, by: Administrator, address: str, wanted: Wanted) -> None:
    """Stores and announces how much the owner of an address is to hear."""
    key, at = key_of(address), utc_now()
    values = {"wanted": wanted, "changed_at": at}
    before = await session.scalar(select(RecipientAddress.wanted).where(RecipientAddress.key == key))
    new = insert(RecipientAddress).values(key=key, **values)
    await session.execute(new.on_conflict_do_update(index_elements=[RecipientAddress.key], set_=values))
    told = MailPreferencesSet(address_key=key, wanted=wanted, changed_at=at)
    await outbox.add(session, told, f"mail-preferences:{key[:32]}:{at.timestamp():.6f}", at)
    subject = ("address", key, "An address")
    await record_change(session, by, subject, {"wanted": before or "all"}, {"wanted": wanted})


async def mark_bounced(session: Session, address: str, reason: str, at: datetime) -> None:
    """Marks an address to which mail bounced; nothing more is sent to it until that is cleared.

    What bounced before that was cleared, and is heard of late, changes nothing.
    """
    values = {"bounced_at": at, "bounce_reason": reason[:500]}
    new = insert(RecipientAddress).values(key=key_of(address), changed_at=EPOCH, **values)
    is_news = or_(RecipientAddress.cleared_at.is_(None), RecipientAddress.cleared_at < at)
    marked = new.on_conflict_do_update(index_elements=[RecipientAddress.key], set_=values, where=is_news)
    await session.execute(marked)


async def clear_bounce(session: Session, by: Administrator, address: str) -> None:
    """Lets mail go to an address again."""
    key = key_of(address)
    cleared = update(RecipientAddress).where(RecipientAddress.key == key, RecipientAddress.bounced_at.is_not(None))
    values = {"bounced_at": None, "bounce_reason": None, "cleared_at": utc_now()}
    found = await session.scalars(cleared.values(values).returning(RecipientAddress.key))
    if found.all():
        subject = ("address", key, "An address")
        await record_change(session, by, subject, {"is_bouncing": True}, {"is_bouncing": False})
