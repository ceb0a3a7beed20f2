"""A ticket's whole life as one durable workflow: the single writer of its status, owner and clocks."""

import asyncio

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributeUpdate
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from shared.contracts.answers import CommandAnswer
    from shared.contracts.commands import AskedCommand, MessageFact
    from shared.contracts.events import Envelope
    from shared.contracts.names import SEARCH_ATTRIBUTES, message_update_id
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
        self.answers: dict[str, CommandAnswer] = dict(carried.answers) if carried else {}
        self.message_answers: dict[str, CommandAnswer] = dict(carried.message_answers) if carried else {}
        self.timer = ArmedTimer(is_exact=start.has_exact_timer)
        self.publishing: asyncio.Task[None] | None = None
        self.wake = True
        self.has_search_attributes = start.has_search_attributes
        self.has_answered = False
        self.search_attributes: tuple[str | None, ...] = (
            ("new", None, None, start.priority.value) if not carried else ()
        )
        if carried is None:
            self.ticket.open(Actor(kind=ActorKind.REQUESTER), workflow.now())

    @workflow.run
    async def run(self, start: TicketRun) -> None:
        """The life of a ticket, from its submission until the reopen window of the closed ticket has passed.

        Each round applies what has come due (SLA warnings and breaches, escalations, reminders, auto-resolve,
        auto-close, archive), publishes the events of that, arms one timer for the next due instant, and waits.
        Commands and messages are applied by the handlers below, which end the wait; their events go with their
        answers, and whoever sent them publishes those. The handler of a command that came with the start runs before
        the first round, so its answer tells of the opening too.
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
    def command(self, asked: AskedCommand) -> CommandAnswer | TicketSnapshot:
        """Applies a command and returns the ticket, with the events if the sender announces them.

        A repeated command id gets the first answer, also in later runs.
        """
        command = asked.root
        answer = self.answers.get(command.command_id)
        if answer is None:
            try:
                snapshot = self.ticket.handle(command, workflow.now())
            except Refusal as refusal:
                raise _as_failure(refusal) from refusal
            finally:
                self.wake = True
            events = self.take_events() if command.returns_events else ()
            answer = CommandAnswer(snapshot=snapshot, events=events)
            self.remember(self.answers, command.command_id, answer, options.REMEMBERED_COMMANDS)
        return answer if command.returns_events else answer.snapshot

    @command.validator
    def check_command(self, asked: AskedCommand) -> None:
        """Refuses a command before it is written to history; a remembered command id always passes."""
        command = asked.root
        if command.command_id in self.answers:
            return
        try:
            self.ticket.check(command, workflow.now())
        except Refusal as refusal:
            raise _as_failure(refusal) from refusal

    @workflow.update(name="message")
    def message(self, fact: MessageFact) -> CommandAnswer:
        """Records a message that a service has already stored; it cannot be refused. Repeated: the first answer."""
        update_id = message_update_id(fact.message_id)
        answer = self.message_answers.get(update_id)
        if answer is None:
            self.message_posted(fact)
            answer = CommandAnswer(snapshot=self.ticket.state.snapshot(), events=self.take_events())
            self.remember(self.message_answers, update_id, answer, options.REMEMBERED_MESSAGES)
        return answer

    @workflow.signal(name="message_posted")
    def message_posted(self, fact: MessageFact) -> None:
        """The same without an answer, from older senders; the workflow publishes the events."""
        self.ticket.receive(fact, workflow.now())
        self.wake = True

    @workflow.query(name="answer")
    def find_answer(self, update_id: str) -> CommandAnswer | None:
        """The remembered answer to a command or a message, also once the ticket is archived."""
        return self.answers.get(update_id) or self.message_answers.get(update_id)

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
        """Whether a new run is due, before the server's limits; not while many events wait to be published."""
        info = workflow.info()
        return len(self.pending) <= options.CARRIED_EVENTS and (
            info.is_continue_as_new_suggested() or info.get_current_history_length() > options.HISTORY_LIMIT
        )

    def has_work(self) -> bool:
        """A message or a command came, the timer fired, or a publish activity has ended."""
        return self.wake or self.timer.has_fired or (self.publishing is not None and self.publishing.done())

    def publish_events(self) -> None:
        """Starts publishing what has happened, one batch at a time; a batch under way holds up nothing else."""
        self.pending.extend(self.take_events())
        if self.publishing is not None and self.publishing.done():
            self.publishing.result()
            self.publishing = None
        if self.publishing is None and (self.pending or self.has_answered):
            self.update_search_attributes()
        if self.publishing is None and self.pending:
            self.publishing = asyncio.create_task(self.publish_batch(self.pending[: options.BATCH_LIMIT]))

    def take_events(self) -> tuple[Envelope, ...]:
        """Takes the events that no caller publishes, as envelopes."""
        events, self.ticket.events = self.ticket.events, []
        workflow_id = workflow.info().workflow_id
        return tuple(event.envelope(f"{workflow_id}:{event.seq}", event.at) for event in events)

    def remember(self, answers: dict[str, CommandAnswer], update_id: str, answer: CommandAnswer, limit: int) -> None:
        """Stores an answer for repeated requests; drops the oldest."""
        answers[update_id] = answer
        if len(answers) > limit:
            del answers[next(iter(answers))]
        self.has_answered = self.has_answered or bool(answer.events)

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
        """Sets the search attributes that have changed, in one command, if tickets have them at all."""
        self.has_answered = False
        if not self.has_search_attributes:
            return
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
        carried = ContinueAsNewState(
            ticket=self.ticket.state,
            pending=self.pending,
            answers=self.answers,
            message_answers=self.message_answers,
        )
        workflow.continue_as_new(start.model_copy(update={"carried": carried}))


def _as_failure(refusal: Refusal) -> ApplicationError:
    return ApplicationError(refusal.message, refusal.details, type=refusal.code, non_retryable=True)
