"""How many tickets of a requester are open: one piece of SQL, asked alone or inside the statement that adds another."""

from typing import Final

COUNT: Final = """
select count(*) as open from (
  select status from tickets where lower(requester_email) = lower(:requester_email) order by created_at desc limit 1000
) recent
where status not in ('resolved', 'closed')
"""
"""Of the last thousand, so that it costs little where somebody has had very many."""
