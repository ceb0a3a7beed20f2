"""Which addresses are one person and which organisations share tickets, as assignment says."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from services.intake.models import Erasure, OrganisationEntry, PersonAddress
from shared.contracts.events import Envelope, OrganisationChanged, RequesterChanged
from shared.kit.addresses import address_key
from shared.kit.clock import utc_now
from shared.kit.db import Session
from shared.kit.requester_ids import RequesterIds
from shared.kit.tombstones import lock_against_erasure

RELEASED_FOR = timedelta(days=31)
"""Longer than an event stays in the stream."""


async def project_people(session: Session, ids: RequesterIds, events: Iterable[Envelope]) -> None:
    """Keeps people and organisations as they now are; an older change that comes late changes nothing."""
    await lock_against_erasure(session, is_erasing=False)
    for envelope in events:
        match envelope.open():
            case RequesterChanged() as person:
                await _project_person(session, ids, person, envelope)
            case OrganisationChanged() as organisation:
                await _project_organisation(session, organisation)


async def _project_person(session: Session, ids: RequesterIds, person: RequesterChanged, envelope: Envelope) -> None:
    changed_at = person.changed_at or envelope.time
    emails = sorted({address_key(email) for email in person.addresses})
    erased = await _erased_since(session, ids, emails, changed_at)
    for email in emails:
        if email in erased:
            continue
        told: dict[str, Any] = {
            "requester_id": person.requester_id,
            "organisation_id": person.organisation_id,
            "is_manager": person.is_manager,
            "changed_at": changed_at,
        }
        new = insert(PersonAddress).values(email=email, **told)
        is_newer = PersonAddress.changed_at <= new.excluded.changed_at
        await session.execute(new.on_conflict_do_update(index_elements=["email"], set_=told, where=is_newer))
    await _release(session, person.requester_id, emails, changed_at)


async def _release(session: Session, requester_id: UUID, but: Collection[str], changed_at: datetime) -> None:
    """What is not theirs any more. The row stays, so that an older claim which comes late is known as such."""
    former = (
        PersonAddress.requester_id == requester_id,
        PersonAddress.email.not_in(but),
        PersonAddress.changed_at <= changed_at,
    )
    nobodys = {"requester_id": None, "organisation_id": None, "is_manager": False, "changed_at": changed_at}
    await session.execute(update(PersonAddress).where(*former).values(nobodys))


async def forget_released(session: Session) -> None:
    """Removes addresses that were given up so long ago that no older claim of them can come any more."""
    long_ago = PersonAddress.changed_at < utc_now() - RELEASED_FOR
    await session.execute(delete(PersonAddress).where(PersonAddress.requester_id.is_(None), long_ago))


async def _erased_since(session: Session, ids: RequesterIds, emails: Collection[str], changed_at: datetime) -> set[str]:
    """Those whose erasure is newer than the event: what comes late brings nobody back."""
    digests = {ids.of(email): email for email in emails}
    query = select(Erasure.requester_id).where(Erasure.requester_id.in_(digests), Erasure.erased_at >= changed_at)
    return {digests[one] for one in await session.scalars(query) if one is not None}


async def _project_organisation(session: Session, organisation: OrganisationChanged) -> None:
    told: dict[str, Any] = {
        "name": organisation.name,
        "domains": list(organisation.domains),
        "ticket_sharing": organisation.ticket_sharing,
        "is_removed": organisation.is_removed,
        "version": organisation.version,
    }
    new = insert(OrganisationEntry).values(id=organisation.organisation_id, **told)
    is_newer = OrganisationEntry.version < new.excluded.version
    await session.execute(new.on_conflict_do_update(index_elements=["id"], set_=told, where=is_newer))
