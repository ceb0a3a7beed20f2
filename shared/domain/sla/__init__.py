"""Service-level agreements: clocks that pause and settle, and verdicts that can be computed again."""

from shared.contracts.tickets import Verdict
from shared.domain.sla.engine import Sla
from shared.domain.sla.notices import Breached, Notice, Settled, Warned, Withdrawn
from shared.domain.sla.verdicts import verdicts

__all__ = ["Breached", "Notice", "Settled", "Sla", "Verdict", "Warned", "Withdrawn", "verdicts"]
