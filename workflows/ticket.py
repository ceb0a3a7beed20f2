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
    """One ticket. Handlers change its state and answer at once, without awaiting; `run` owns timers and publishing."""

    @workflow.init
    def __init__(self, start: TicketRun) -> None:
        carried = start.carried
        self.ticket = Ticket(carried.ticket if carried else TicketState.of(start))
        self.pending: list[Envelope] = list(carried.pending) if carried else []
        self.answers: dict[str, TicketSnapshot] = dict(carried.answers) if carried else {}
        self.timer = ArmedTimer(is_exact=start.has_exact_timer)
        self.publishing: asyncio.Task[None] | None = None
        self.wake = True
        self.search_attributes: tuple[str | None, ...] = (
            ("new", None, None, start.priority.value) if not carried else ()
        )
        if carried is None:
            self.ticket.open(Actor(kind=ActorKind.REQUESTER), workflow.now())

    @workflow.run
    async def run(self, start: TicketRun) -> None:
        """The life of a ticket, from its submission until the reopen window of the closed ticket has passed.

        Each round applies what has come due (SLA warnings and breaches, escalations, reminders, auto-resolve,
        auto-close, archive), publishes the events of that, of commands and of messages, arms one timer for the next
        due instant, and waits. Commands and messages are applied by the handlers below, which end the wait.
        """
        while not self.is_over:
            self.apply_due()
            self.publish_events()
            self.arm_timer()
            if self.is_history_long:
                self.continue_as_new(start)
            await self.wait_for_work()

    # -- handlers: commands, messages, reads -------------------------------------------------------------------

    @workflow.update(name="command")
    def command(self, asked: AskedCommand) -> TicketSnapshot:
        """Applies a command and returns the ticket. A repeated command id gets the first answer, also in later runs."""
        command = asked.root
        known = self.answers.get(command.command_id)
        if known is not None:
            return known
        try:
            snapshot = self.ticket.handle(command, workflow.now())
        except Refusal as refusal:
            raise _as_failure(refusal) from refusal
        finally:
            self.wake = True
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

    @workflow.signal(name="message_posted")
    def message_posted(self, fact: MessageFact) -> None:
        """Records a message that a service has already stored; it cannot be refused."""
        self.ticket.receive(fact, workflow.now())
        self.wake = True

    @workflow.query(name="snapshot")
    def snapshot(self) -> TicketSnapshot:
        """The ticket in its present state."""
        return self.ticket.state.snapshot()

    # -- the steps of `run` ------------------------------------------------------------------------------------

    def apply_due(self) -> None:
        """Brings the ticket to the present: every timer and SLA deadline up to now takes effect, in order."""
        self.wake = False
        self.ticket.advance(workflow.now())

    def arm_timer(self) -> None:
        """Arms the one timer for the next instant at which anything is due."""
        self.timer.arm(self.ticket.next_instant())

    async def wait_for_work(self) -> None:
        """Waits for a command, a message, the timer, or the end of a publish activity."""
        await workflow.wait_condition(self.has_work)

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

    def has_work(self) -> bool:
        """A message or a command came, the timer fired, or a publish activity has ended."""
        return self.wake or self.timer.has_fired or (self.publishing is not None and self.publishing.done())

    def publish_events(self) -> None:
        """Starts publishing what has happened, one batch at a time; a batch under way holds up nothing else."""
        self.collect_events()
        if self.publishing is not None and self.publishing.done():
            self.publishing.result()
            self.publishing = None
        if self.publishing is None and self.pending:
            self.update_search_attributes()
            self.publishing = asyncio.create_task(self.publish_batch(self.pending[: options.BATCH_LIMIT]))

    def collect_events(self) -> None:
        """Moves the ticket's new events, in envelopes, to those that wait to be published."""
        events, self.ticket.events = self.ticket.events, []
        workflow_id = workflow.info().workflow_id
        self.pending.extend(event.envelope(f"{workflow_id}:{event.seq}", event.at) for event in events)

    async def publish_batch(self, batch: list[Envelope]) -> None:
        """Publishes a batch by an activity that is retried for ever."""
        await workflow.execute_activity(
            options.PUBLISH_EVENTS,
            batch,
            start_to_close_timeout=options.PUBLISH_TIMEOUT,
            retry_policy=options.PUBLISH_RETRY,
        )
        del self.pending[: len(batch)]

    def update_search_attributes(self) -> None:
        """Sets the search attributes that have changed, once per batch."""
        state = self.ticket.state
        values = (
            state.status.value,
            str(state.team_id) if state.team_id else None,
            str(state.assignee_id) if state.assignee_id else None,
            state.sla.priority.value,
        )
        updates: list[SearchAttributeUpdate[str]] = [
            key.value_set(value) if value is not None else key.value_unset()
            for key, value, old in zip(_KEYS, values, self.search_attributes or (None,) * len(values), strict=True)
            if value != old
        ]
        if updates:
            workflow.upsert_search_attributes(updates)
        self.search_attributes = values

    def continue_as_new(self, start: TicketRun) -> None:
        """Starts a new run with all the state of this one. A batch under way is published again under the same ids."""
        self.timer.disarm()
        carried = ContinueAsNewState(ticket=self.ticket.state, pending=self.pending, answers=self.answers)
        workflow.continue_as_new(start.model_copy(update={"carried": carried}))


def _as_failure(refusal: Refusal) -> ApplicationError:
    return ApplicationError(refusal.message, refusal.details, type=refusal.code, non_retryable=True)
