"""The application state: connections and caches, built once in `main`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID
from zoneinfo import ZoneInfo

from services.assignment.holiday_feed import FeedReader
from services.assignment.identity_provider.provider import ProviderCache
from services.assignment.intake_client import IntakeClient
from services.assignment.live.change_streams import ChangeStreams
from services.assignment.projection_lag import ProjectionLag
from services.assignment.queries.access.caller_cache import CallerCache
from services.assignment.queries.administration.policies import PolicyCache
from services.assignment.routing.abilities import KnownAbilities
from services.assignment.routing.candidates import KnownCandidates
from services.assignment.routing.rosters import Place
from services.assignment.routing.working_hours import AgentCalendars
from services.assignment.routing_rules.counts import MatchCounts
from services.assignment.routing_rules.table import RoutingTables
from services.assignment.settings import AssignmentSettings
from services.assignment.siblings import Siblings
from services.assignment.sign_in_queue import SignInQueue
from services.assignment.what_if_process import WhatIfWorker
from shared.kit.attention import Attention
from shared.kit.auth import FileLinks
from shared.kit.db import Database
from shared.kit.http.safe_client import SafeHttpClient
from shared.kit.relay import Relay
from shared.kit.ticket_errors import TicketsUnavailable
from shared.kit.tickets import ANSWER_WITHIN, Tickets
from shared.kit.user_content.renderer import BodyRenderer


class ConcurrencyLimit:
    """Limits concurrent commands, so that reads keep database connections while Temporal is unreachable."""

    def __init__(self, width: int) -> None:
        self._places = asyncio.Semaphore(width)

    @asynccontextmanager
    async def enter(self) -> AsyncIterator[None]:
        """Waits for a slot. Raises TicketsUnavailable on time-out."""
        try:
            async with asyncio.timeout(ANSWER_WITHIN.total_seconds()):
                await self._places.acquire()
        except TimeoutError as error:
            raise TicketsUnavailable("too many commands wait for the workflows") from error
        try:
            yield
        finally:
            self._places.release()


@dataclass(frozen=True, slots=True)
class AppState:
    """The service's connections and caches."""

    settings: AssignmentSettings
    database: Database
    tickets: Tickets
    relay: Relay
    policies: PolicyCache
    callers: CallerCache
    command_limit: ConcurrencyLimit
    http_client: SafeHttpClient
    feed_reader: FeedReader
    file_links: FileLinks
    siblings: Siblings
    intake: IntakeClient
    streams: ChangeStreams
    sign_ins: SignInQueue = field(default_factory=SignInQueue)
    what_if_worker: WhatIfWorker = field(default_factory=WhatIfWorker)
    provider: ProviderCache = field(default_factory=ProviderCache)
    """What the organisation's identity provider says of itself."""
    renderer: BodyRenderer = field(default_factory=BodyRenderer)
    projection_lag: ProjectionLag = field(default_factory=ProjectionLag)
    """How far the read model is behind what tickets' workflows have published."""
    held_replies: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a reply was held, so that its sender looks when it is due."""
    returns: Attention = field(default_factory=Attention)
    rollouts: Attention = field(default_factory=partial(Attention, sweeps=False))
    """When the two jobs look for work: returns after each change that is announced and others' events, roll-outs after
    an administrator's change."""
    bulk_jobs: Attention = field(default_factory=partial(Attention, sweeps=False))
    exports: Attention = field(default_factory=partial(Attention, sweeps=False))
    analyses: Attention = field(default_factory=partial(Attention, sweeps=False))
    """When actions on many tickets, exports and analyses are looked for: after one was asked for."""
    backlog: Attention = field(default_factory=Attention)
    """When tickets that wait for an agent are looked at: after whatever may have made room or tickets."""
    agent_calendars: AgentCalendars = field(default_factory=AgentCalendars)
    agent_abilities: KnownAbilities = field(default_factory=KnownAbilities)
    candidates: KnownCandidates = field(default_factory=KnownCandidates)
    known_topics: set[UUID] = field(default_factory=set)
    """Help topics that have been seen here; none is ever deleted."""
    routing_tables: RoutingTables = field(default_factory=RoutingTables)
    match_counts: MatchCounts = field(default_factory=MatchCounts)

    @property
    def place(self) -> Place:
        """Where agents work who have no calendar of their own."""
        return Place(self.agent_calendars, self.agent_abilities, self.candidates, ZoneInfo(self.settings.time_zone))
