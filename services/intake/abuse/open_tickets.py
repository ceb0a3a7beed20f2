"""How many tickets of a requester are open: one piece of SQL, asked alone or inside the statement that adds another."""

from typing import Final

COUNT_OPEN_SQL: Final = """
select count(*) as open from (
  select status from tickets where lower(requester_email) = lower(:requester_email) and status <> 'closed'
  order by created_at desc limit 1000
) recent
where status <> 'resolved'
"""
"""Of the last thousand that are not closed, which an index holds apart: whoever has had very many costs no more."""
