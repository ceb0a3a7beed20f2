"""Messages whose ticket has no workflow any more, or never had: they hold up nobody and do not wait for ever."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from services.assignment.consumers.triage import on_tickets_submitted
from shared.contracts.answers import CommandAnswer
from shared.contracts.base import MessageId, TicketId
from shared.contracts.commands import Command, OpenTicket
from shared.contracts.events import Author, Envelope, MessagePosted
from shared.contracts.names import STREAM
from shared.contracts.vocabulary import ActorKind, BodyFormat, Channel
from shared.kit.backoff import Backoff
from shared.kit.bus import DeadLetters, NotYet, PartialFailure, run_consumer
from shared.kit.bus import consumer as consumer_module
from shared.kit.clock import new_id, utc_now
from shared.kit.ticket_errors import TicketStuck
from shared.kit.tickets import Tickets
from tests.services.assignment.desk import Desk
from tests.services.assignment.routing.test_triage import forget as forget_decisions
from tests.services.assignment.routing.test_triage import submitted
from tests.support.eventually import eventually
from workflows.consumer import TicketEventConsumer


def late_message(**changes: object) -> Envelope:
    """A message for a ticket of which Temporal knows nothing, as after its namespace's retention."""
    posted = MessagePosted(
        ticket_id=TicketId(new_id()),
        message_id=MessageId(new_id()),
        author=Author(kind=ActorKind.REQUESTER, name="Dana Ruiz", email="dana@bank.example"),
        body="One more thing.",
        body_format=BodyFormat.TEXT,
        channel=Channel.EMAIL,
        received_at=utc_now(),
    )
    return posted.model_copy(update=changes).envelope(f"message:{posted.message_id}", utc_now())


async def forget(desk: Desk, envelopes: list[Envelope]) -> None:
    """What is off the stream is not delivered again: other tests are not to pay for it."""
    js = await desk.bus.jetstream()
    for subject in {envelope.nats_subject for envelope in envelopes}:
        await js.purge_stream(STREAM, subject=subject)


async def test_a_thousand_late_messages_stop_no_new_ticket(desk: Desk) -> None:
    tickets = [TicketId(new_id()) for _ in range(40)]
    late = [late_message(ticket_id=tickets[number % len(tickets)]) for number in range(1_200)]
    await desk.publish(*late)
    submitted = await desk.submit("online-banking")
    ticket = await desk.seen(submitted.ticket_id, within=60, status="open")
    await desk.write(ticket["id"], "And this one counts.")
    await desk.seen(ticket["id"], revision=ticket["revision"] + 1)
    await forget(desk, late)


async def test_what_was_archived_on_arrival_is_not_asked_for(desk: Desk) -> None:
    await TicketEventConsumer(desk.context.tickets, desk.bus).deliver([late_message(was_archived=True)])


async def test_an_old_message_without_a_workflow_is_a_dead_letter(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer_module, "EVENT_NOT_YET", Backoff((0.05,)))
    envelope = late_message()
    facts = TicketEventConsumer(desk.context.tickets, desk.bus, patience=timedelta(0)).consumer()
    consumer = replace(facts, name=f"late-{envelope.subject[-12:]}", subjects=(envelope.nats_subject,))
    task = asyncio.create_task(run_consumer(desk.bus, consumer))
    await desk.publish(envelope)
    (letter,) = await eventually(lambda: DeadLetters(desk.bus).list(consumer=consumer.name))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await forget(desk, [envelope])
    assert letter.payload == envelope.model_dump_json().encode()
    assert "has not started" in letter.error


class Deaf(Tickets):
    """A ticket whose workflow does not answer, while all others do."""

    def __init__(self, tickets: Tickets, deaf: UUID) -> None:
        super().__init__(tickets.client)
        self._deaf = deaf

    async def open_and_execute(self, ticket: OpenTicket, command: Command) -> CommandAnswer:
        if ticket.ticket_id == self._deaf:
            raise TicketStuck("the workflow did not answer in time")
        return await super().open_and_execute(ticket, command)


async def test_one_ticket_that_does_not_answer_keeps_no_other_from_triage(desk: Desk) -> None:
    stuck, fine = submitted(), submitted()
    context = replace(desk.context, tickets=Deaf(desk.context.tickets, stuck.ticket_id))
    envelopes = [event.envelope(str(event.ticket_id), utc_now()) for event in (stuck, fine)]
    try:
        with pytest.raises(PartialFailure) as partly:
            await on_tickets_submitted(context, envelopes)
    finally:
        await forget_decisions(desk, [stuck, fine])
    assert isinstance(partly.value.failed[str(stuck.ticket_id)], NotYet)
    assert not isinstance(partly.value.failed.get(str(fine.ticket_id)), NotYet)
