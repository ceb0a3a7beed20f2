"""How tickets are found that stand still although something was to happen to them: for metrics and operators.

Each statement reads open tickets, or rows of commands under way, by a partial index; none grows with closed tickets.
"""

from typing import Final

NAMED: Final = 3
"""Tickets that are named where several are stuck."""
LATE_TIMERS: Final = f"""
select count(*), (array_agg(number order by next_due_at))[1:{NAMED}] from tickets
where status not in ('resolved', 'closed') and next_due_at < now() - interval '1 minute' and exists (
  select from jsonb_array_elements(snapshot -> 'clocks') as clock
  where clock ->> 'state' = 'running' and clock ->> 'breached_at' is null
    and (clock ->> 'due_at')::timestamptz < now() - interval '1 minute')
"""  # noqa: S608 - SQL made of constants
"""Clocks whose due instant has passed without a breach: the ticket's timer did not fire, or nobody could say so."""
NOT_STARTED: Final = f"""
select count(*), (array_agg(number order by created_at))[1:{NAMED}] from tickets
where status not in ('resolved', 'closed') and seq = 0 and created_at < now() - interval '2 minutes'
"""  # noqa: S608 - SQL made of constants
"""Tickets that were accepted and have no workflow."""
LEFT_BEHIND: Final = """
select count(*), min(created_at) from intents where claimed_until < now() - interval '2 minutes'
"""
"""Commands whose sender has died and that nobody could carry on."""
UNANSWERED: Final = """
select count(*), min(decided_at) from routing_decisions
where state = 'sent' and decided_at < now() - interval '10 minutes'
"""
"""Decisions about an assignment that the ticket's workflow has not answered."""
