"""Service-level agreements: clocks that pause and settle, and verdicts that can be computed again."""

from shared.contracts.tickets import Verdict
from shared.domain.sla.clock_events import Breached, ClockEvent, Escalated, Settled, Warned, Withdrawn
from shared.domain.sla.clocks import Clocks
from shared.domain.sla.engine import Sla
from shared.domain.sla.explain import Explanation, explain
from shared.domain.sla.facts import Fact, FactKind, fact_of, in_order
from shared.domain.sla.verdicts import History, verdicts, verdicts_of

__all__ = [
    "Breached",
    "ClockEvent",
    "Clocks",
    "Escalated",
    "Explanation",
    "Fact",
    "FactKind",
    "History",
    "Settled",
    "Sla",
    "Verdict",
    "Warned",
    "Withdrawn",
    "explain",
    "fact_of",
    "in_order",
    "verdicts",
    "verdicts_of",
]
