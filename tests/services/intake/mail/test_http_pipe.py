"""Mails that a client hands over: with too many tickets open, the next mail goes on where the last one was."""

from collections.abc import AsyncIterator, Callable

import pytest
from sqlalchemy import func, select

from services.intake.mail.http_pipe import MailPipe, NotSettled
from services.intake.models import Message, Ticket
from shared.contracts.vocabulary import Status
from shared.kit.clock import new_id
from tests.services.intake.harness import IntakeHarness
from tests.services.intake.mail.post_office import letter


@pytest.fixture
async def pipe_with(intake: IntakeHarness) -> AsyncIterator[Callable[..., MailPipe]]:
    """Makes a pipe under other limits."""
    made: list[MailPipe] = []

    def make(**limits: int) -> MailPipe:
        made.append(
            MailPipe(intake.settings.model_copy(update=limits), intake.database, intake.app.state.app_state.storage)
        )
        return made[-1]

    yield make
    for pipe in made:
        await pipe.close()


@pytest.mark.parametrize("limit", ["max_open_tickets", "requester_per_hour"])
async def test_beyond_a_limit_a_mail_is_a_message_on_the_newest_ticket(
    intake: IntakeHarness, pipe_with: Callable[..., MailPipe], limit: str
) -> None:
    sender = f"{new_id()}@bank.example"
    pipe = pipe_with(**{limit: 2})
    numbers = [await pipe.submit(letter(f"{n}", **{"from": sender}).as_bytes()) for n in range(4)]
    assert len(set(numbers)) == 2
    assert numbers[1:] == [numbers[1]] * 3
    async with intake.database.begin() as session:
        written = select(func.count()).select_from(Message).join(Ticket).where(Ticket.requester_email == sender)
        assert await session.scalar(written) == 4


async def test_without_an_open_ticket_it_waits(intake: IntakeHarness, pipe_with: Callable[..., MailPipe]) -> None:
    sender = f"{new_id()}@bank.example"
    pipe = pipe_with(requester_per_hour=1)
    number = await pipe.submit(letter(**{"from": sender}).as_bytes())
    async with intake.database.begin() as session:
        ticket = (await session.scalars(select(Ticket).where(Ticket.number == number))).one()
        ticket.status = Status.RESOLVED
    with pytest.raises(NotSettled):
        await pipe.submit(letter("Another matter.", **{"from": sender}).as_bytes())
