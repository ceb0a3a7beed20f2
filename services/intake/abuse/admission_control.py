"""Decides whether a requester may open another ticket: by bans, rate limit and open tickets, cheapest first."""

from dataclasses import dataclass
from enum import Enum

from sqlalchemy import text

from services.intake.abuse.bans import BanList
from services.intake.abuse.open_tickets import COUNT_OPEN_SQL
from services.intake.abuse.refusals import banned, too_many_open
from services.intake.settings import IntakeSettings
from shared.kit.addresses import mailbox_key
from shared.kit.db import Database
from shared.kit.http.idempotency import IdempotencyClaim
from shared.kit.http.rate_limits import Budgets, RateLimiter

COUNT_OPEN_TICKETS = text(
    f"{COUNT_OPEN_SQL} and not exists (select from idempotency_responses where scope = :scope and key = :key)"
)
HOUR = 3600.0


class EntryPoint(Enum):
    """Who submits for the requester. The value is the HTTP status that a banned requester gets."""

    PEOPLE = 403
    """The requester, by portal or mail."""
    CLIENT = 422
    """A client program with a key, which may well ask for many people at once."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """The limits of one requester at an entry point; None and 0 mean no limit."""

    rate: RateLimiter | None
    max_open: int


class AdmissionControl:
    """Asked before every new ticket. With the limits off it costs no query."""

    def __init__(self, database: Database, settings: IntakeSettings, budgets: Budgets | None = None) -> None:
        self.bans = BanList(database)
        self._database = database
        people = _per_hour(settings.requester_per_hour, budgets, "requester")
        clients = _per_hour(settings.api_requester_per_hour, budgets, "api-requester")
        self._allowances = {
            EntryPoint.PEOPLE: Allowance(people, settings.max_open_tickets),
            EntryPoint.CLIENT: Allowance(clients, settings.api_max_open_tickets),
        }

    async def admit(
        self, entry_point: EntryPoint, email: str, address: str | None = None, claim: IdempotencyClaim | None = None
    ) -> None:
        """Counts one ticket. Raises Problem 403 or 422 for the banned and for too many open ones, 429 for too many.

        A request that was answered before, as its `claim` tells, is not held against the limit it has reached itself.
        Several at the same instant may pass the limit of open ones together; the rate bounds by how many.
        """
        max_open = await self.screen(entry_point, email, address)
        if max_open and await self._open_tickets(email, claim) >= max_open:
            raise too_many_open(max_open)

    async def screen(self, entry_point: EntryPoint, email: str, address: str | None = None) -> int:
        """The same without a query: what is left to hold is how many may be open, 0 for any number."""
        await self.refuse_banned(entry_point, email, address)
        allowance = self._allowances[entry_point]
        if allowance.rate is not None:
            await allowance.rate.check(None, mailbox_key(email))
        return allowance.max_open

    async def refuse_banned(self, entry_point: EntryPoint, email: str, address: str | None = None) -> None:
        """For what opens no ticket. Raises Problem 403 or 422."""
        if await self.bans.forbids(email, address):
            raise banned(entry_point.value)

    async def _open_tickets(self, email: str, claim: IdempotencyClaim | None) -> int:
        scope, key = (claim.scope, claim.key) if claim else (None, None)
        async with self._database.single() as connection:
            asked = {"requester_email": email, "scope": scope, "key": key}
            return int(await connection.scalar(COUNT_OPEN_TICKETS, asked) or 0)


def _per_hour(limit: int, budgets: Budgets | None, group: str) -> RateLimiter | None:
    return RateLimiter("requester", limit, window=HOUR, shared=budgets, group=group) if limit else None
