"""The numbers of tickets that stand for a past, and what each says of its ticket."""

import hashlib
from typing import Final
from uuid import UUID

NUMBERED: Final = """
select i, md5('ticket' || i)::uuid as id, 'G' || i as number, i > 0 as is_closed,
  case when i > 0 then 'closed' when i % 5 = 0 then 'resolved'
    else (array['open','pending','on_hold','new'])[-i % 4 + 1] end as status,
  abs(i) / 60 % 4 as rank, (array['low','normal','high','urgent'])[abs(i) / 60 % 4 + 1] as priority,
  case when i between 1 and 5 then 'rare@example.org' else 'person' || abs(i) % 200 || '@example.org' end as email,
  case when i > 0 then now() - interval '60 days' - make_interval(mins => i)
    else now() + make_interval(mins => i) end as at
from generate_series($1::int, $2::int) as i where i <> 0
"""
"""Negative numbers are worked on, positive ones are closed, the oldest last.

What lists show a page of is there in full among those worked on: a first page that grows says nothing.
"""


def ticket_id(number: int) -> UUID:
    """The id of the ticket with a number."""
    return UUID(hashlib.md5(f"ticket{number}".encode(), usedforsecurity=False).hexdigest())
