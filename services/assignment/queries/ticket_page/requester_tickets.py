"""A requester's newest other tickets that the caller may see."""

from typing import Final
from uuid import UUID

from services.assignment.queries.access.callers import Caller
from services.assignment.queries.ticket_lists.index_scans import statement
from services.assignment.queries.ticket_lists.scopes import visible
from services.assignment.schemas.tickets import RelatedTicket
from shared.kit.addresses import address_key
from shared.kit.db import Session

LOOKED_AT = 200
"""However many tickets somebody has sent, no more than this many of the newest are looked at."""
SHOWN = 6
NEWEST: Final = """
select id, number, subject, status from (
  select theirs.* from (
    select cast(:email as text) as email
    union select other.email from requester_addresses as own join requester_addresses as other
      on other.requester_id = own.requester_id where own.email = :email
  ) as addresses, lateral (
    select * from tickets where lower(requester_email) = addresses.email
    order by created_at desc, id desc limit :looked_at
  ) as theirs
) as tickets where id <> :besides and {conditions} order by created_at desc, id desc limit :shown"""


async def list_requester_tickets(session: Session, caller: Caller, email: str, besides: UUID) -> list[RelatedTicket]:
    """Newest first, from whichever address of theirs."""
    if not email:
        return []
    conditions, values = visible(caller)
    query = statement(NEWEST.format(conditions=" and ".join(("true", *conditions))))
    values |= {"email": address_key(email), "besides": besides, "looked_at": LOOKED_AT, "shown": SHOWN}
    rows = await session.execute(query, values)
    return [
        RelatedTicket.model_validate({"id": row.id, "number": row.number, "subject": row.subject, "status": row.status})
        for row in rows
    ]
