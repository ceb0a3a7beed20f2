"""A ticket's whole life as one durable workflow: the single writer of its status, owner and clocks."""

import asyncio

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributeUpdate
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from shared.contracts.commands import AskedCommand, MessageFact
    from shared.contracts.events import Envelope
    from shared.contracts.names import SEARCH_ATTRIBUTES
    from shared.contracts.tickets import Actor, TicketSnapshot
    from shared.contracts.vocabulary import ActorKind
    from shared.domain.errors import Refusal
    from shared.domain.ticket import Ticket, TicketState
    from workflows.run_state import ContinueAsNewState, TicketRun

from workflows import options
from workflows.sla_timer import ArmedTimer

_KEYS = [SearchAttributeKey.for_keyword(name) for name in SEARCH_ATTRIBUTES]


@workflow.defn(name="TicketWorkflow")
class TicketWorkflow:
    """Handlers change the ticket and answer at once; the loop in `run` owns every effect."""

    @workflow.init
    def __init__(self, start: TicketRun) -> None:
        carried = start.carried
        self.ticket = Ticket(carried.ticket if carried else TicketState.of(start))
        self.pending: list[Envelope] = list(carried.pending) if carried else []
        self.answers: dict[str, TicketSnapshot] = dict(carried.answers) if carried else {}
        self.timer = ArmedTimer(is_exact=start.has_exact_timer)
        self.flush: asyncio.Task[None] | None = None
        self.has_news = True
        self.indexed: tuple[str | None, ...] = ("new", None, None, start.priority.value) if not carried else ()
        if carried is None:
            self.ticket.open(Actor(kind=ActorKind.REQUESTER), workflow.now())

    @workflow.run
    async def run(self, start: TicketRun) -> None:
        """Lives until the reopen window has passed and everybody has been told."""
        while not self.is_over:
            self.has_news = False
            self.ticket.advance(workflow.now())
            self.announce()
            self.timer.arm(self.ticket.next_instant())
            if self.is_history_long:
                self.continue_as_new(start)
            await workflow.wait_condition(self.is_something_to_do)

    # -- what the world may ask --------------------------------------------------------------------------------

    @workflow.update(name="command")
    def command(self, asked: AskedCommand) -> TicketSnapshot:
        """Carries a command out. The same command id gets the first answer again, also after many runs."""
        command = asked.root
        known = self.answers.get(command.command_id)
        if known is not None:
            return known
        try:
            snapshot = self.ticket.handle(command, workflow.now())
        except Refusal as refusal:
            raise _as_failure(refusal) from refusal
        finally:
            self.has_news = True
        self.answers[command.command_id] = snapshot
        if len(self.answers) > options.REMEMBERED_COMMANDS:
            del self.answers[next(iter(self.answers))]
        return snapshot

    @command.validator
    def check_command(self, asked: AskedCommand) -> None:
        """Refuses before anything is written to history; a remembered command passes whatever has changed since."""
        command = asked.root
        if command.command_id in self.answers:
            return
        try:
            self.ticket.check(command, workflow.now())
        except Refusal as refusal:
            raise _as_failure(refusal) from refusal

    @workflow.signal
    def message_posted(self, fact: MessageFact) -> None:
        """A message was posted somewhere; it cannot be refused."""
        self.ticket.receive(fact, workflow.now())
        self.has_news = True

    @workflow.query
    def snapshot(self) -> TicketSnapshot:
        """The ticket as it now is."""
        return self.ticket.state.snapshot()

    # -- the loop's verbs --------------------------------------------------------------------------------------

    @property
    def is_over(self) -> bool:
        """Archived, and every event has been published."""
        return self.ticket.state.is_archived and not self.pending and not self.ticket.events

    @property
    def is_history_long(self) -> bool:
        """Time for a new run, before the server's limits come near; while too much waits for the bus, it waits too."""
        info = workflow.info()
        return len(self.pending) <= options.CARRIED_EVENTS and (
            info.is_continue_as_new_suggested() or info.get_current_history_length() > options.HISTORY_LIMIT
        )

    def is_something_to_do(self) -> bool:
        """A message or a command came, the timer fired, or events can be published."""
        return self.has_news or self.timer.has_fired or (self.flush is not None and self.flush.done())

    def announce(self) -> None:
        """Publishes what has happened, one batch at a time; a batch that is under way holds up nothing else."""
        self.collect()
        if self.flush is not None and self.flush.done():
            self.flush.result()
            self.flush = None
        if self.flush is None and self.pending:
            self.index()
            self.flush = asyncio.create_task(self.publish(self.pending[: options.BATCH_LIMIT]))

    def collect(self) -> None:
        """Gives the ticket's new events their envelopes."""
        events, self.ticket.events = self.ticket.events, []
        workflow_id = workflow.info().workflow_id
        self.pending.extend(event.envelope(f"{workflow_id}:{event.seq}", event.at) for event in events)

    async def publish(self, batch: list[Envelope]) -> None:
        """Tells the world, trying for ever."""
        await workflow.execute_activity(
            options.PUBLISH_EVENTS,
            batch,
            start_to_close_timeout=options.PUBLISH_TIMEOUT,
            retry_policy=options.PUBLISH_FOR_EVER,
        )
        del self.pending[: len(batch)]

    def index(self) -> None:
        """Keeps the search attributes in step, once per batch and only when they changed."""
        state = self.ticket.state
        values = (
            state.status.value,
            str(state.team_id) if state.team_id else None,
            str(state.assignee_id) if state.assignee_id else None,
            state.sla.priority.value,
        )
        updates: list[SearchAttributeUpdate[str]] = [
            key.value_set(value) if value is not None else key.value_unset()
            for key, value, old in zip(_KEYS, values, self.indexed or (None,) * len(values), strict=True)
            if value != old
        ]
        if updates:
            workflow.upsert_search_attributes(updates)
        self.indexed = values

    def continue_as_new(self, start: TicketRun) -> None:
        """Starts a new run that knows all this one knew. A batch under way is published again under the same ids."""
        self.timer.disarm()
        carried = ContinueAsNewState(ticket=self.ticket.state, pending=self.pending, answers=self.answers)
        workflow.continue_as_new(start.model_copy(update={"carried": carried}))


def _as_failure(refusal: Refusal) -> ApplicationError:
    return ApplicationError(refusal.message, refusal.details, type=refusal.code, non_retryable=True)
