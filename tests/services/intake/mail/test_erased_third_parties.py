"""A person is erased also where agents and they wrote to each other beside somebody else's ticket."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import httpx2
import pytest
from sqlalchemy import func, select

from services.intake.access.key_scopes import KeyScope
from services.intake.models import RawMail, RawMailState, SideMail, Ticket
from shared.contracts.base import MessageId, TicketId
from shared.contracts.events import Author, RequesterErased, SideMessageSent
from shared.contracts.vocabulary import ActorKind, BodyFormat
from shared.kit.auth import MailAudience
from shared.kit.bus import StreamEraser
from shared.kit.clock import new_id, utc_now
from shared.kit.requester_ids import RequesterIds
from tests.services.intake.api.test_submitting import announced
from tests.services.intake.harness import Json
from tests.services.intake.mail.post_office import PostOffice, letter
from tests.services.intake.mail.test_bounces import report
from tests.services.intake.privacy.test_privacy import closed
from tests.support.database_search import tables_naming
from tests.support.eventually import eventually

PATH = "/v1/admin/requesters"


class Supplier:
    """A third party with an address and words of their own."""

    def __init__(self, post: PostOffice) -> None:
        self.post = post
        self.name = f"Samuel{new_id().hex[-8:]}"
        self.email = f"{self.name}@supplier.example"
        self.marker = f"marker{new_id().hex}"

    async def is_written_to(self, ticket: Ticket, at: datetime | None = None) -> MessageId:
        """As assignment announces it."""
        sent = SideMessageSent(
            ticket_id=TicketId(ticket.id),
            conversation_id=new_id(),
            message_id=MessageId(new_id()),
            author=Author(kind=ActorKind.AGENT, id=new_id(), name="Ada"),
            email=self.email,
            subject="The line in Berlin",
            body=f"Dear {self.name}",
            body_format=BodyFormat.TEXT,
            sent_at=at or utc_now(),
        )
        await self.post.intake.publish(sent, f"side-message:{sent.message_id}")
        return sent.message_id

    async def answers(self, ticket: Ticket, message_id: MessageId) -> RawMail:
        mail = letter(
            self.marker, **{"from": f"{self.name} <{self.email}>"}, in_reply_to=self.named(ticket, message_id)
        )
        mail.add_attachment(self.marker.encode(), maintype="text", subtype="plain", filename=f"{self.name}.txt")
        return await self.post.deliver(mail, sender=self.email)

    def named(self, ticket: Ticket, message_id: MessageId) -> str:
        """The Message-ID of the mail to them."""
        return self.post.threads.message_id(TicketId(ticket.id), message_id, MailAudience.THIRD_PARTY, self.email)

    async def traces(self) -> dict[str, list[str]]:
        return await tables_naming(self.post.intake.database.engine, (self.name, self.email, self.marker))

    async def is_known(self, mails: int) -> None:
        """Waits until intake knows whose so many mails are."""
        requester_id = RequesterIds(self.post.intake.settings).of(self.email)

        async def counted() -> None:
            async with self.post.intake.database.begin() as session:
                theirs = select(func.count()).where(SideMail.requester_id == requester_id)
                assert await session.scalar(theirs) == mails

        await eventually(counted, within=15)

    async def are_gone(self) -> None:
        async def is_gone() -> None:
            assert await self.traces() == {}

        await eventually(is_gone, within=30)


@pytest.fixture
def sam(post: PostOffice) -> Supplier:
    return Supplier(post)


@pytest.fixture
async def admin(post: PostOffice) -> AsyncIterator[httpx2.AsyncClient]:
    async with post.intake.client(await post.intake.make_key(KeyScope.ADMIN)) as http:
        yield http


async def erased(admin: httpx2.AsyncClient, email: str, tickets: int = 0) -> Json:
    answer = await admin.post(f"{PATH}/{email}/erase", json={"tickets": tickets})
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


async def test_what_a_third_party_wrote_beside_tickets_of_others_goes(
    post: PostOffice, admin: httpx2.AsyncClient, sam: Supplier
) -> None:
    ticket, other = await post.opened(), Supplier(post)
    to_sam, to_other = await sam.is_written_to(ticket), await other.is_written_to(ticket)
    for supplier, message_id in ((sam, to_sam), (other, to_other)):
        await supplier.answers(ticket, message_id)
        await supplier.is_known(mails=2)
    found = (await admin.get(f"{PATH}/{sam.email}")).json()
    assert (found["tickets"], found["third_party_on"], found["mails"]) == (0, 1, 1)
    assert await sam.traces()

    assert (await erased(admin, sam.email))["third_party_on"] == 1
    await sam.are_gone()
    assert [file.name for file in await post.files(ticket.id)] == [f"{other.name}.txt"], "others' stay"
    assert (await admin.get(f"{PATH}/{sam.email}")).status_code == 404
    assert (await admin.get(f"{PATH}/{other.email}")).json()["third_party_on"] == 1


async def test_one_who_never_answered_is_found_and_erased(
    post: PostOffice, admin: httpx2.AsyncClient, sam: Supplier
) -> None:
    ticket = await post.opened()
    message_id = await sam.is_written_to(ticket)
    await sam.is_known(mails=1)
    await erased(admin, sam.email.upper())
    requester_id = RequesterIds(post.intake.settings).of(sam.email)
    told = RequesterErased.of(await announced(post.intake, f"everdesk.requester.erased.v1.{requester_id}"))
    assert (told.ticket_ids, told.took_part_in, told.side_message_ids) == ((), (), (message_id,))
    again = await sam.is_written_to(ticket)

    async def only_what_is_new_is_left() -> None:
        left = await announced(post.intake, f"everdesk.side.message_sent.v1.{ticket.id}")
        assert SideMessageSent.of(left).message_id == again

    await eventually(only_what_is_new_is_left, within=30)


async def test_a_report_that_a_mail_to_them_came_back_goes_too(
    post: PostOffice, admin: httpx2.AsyncClient, sam: Supplier
) -> None:
    ticket = await post.opened()
    message_id = await sam.is_written_to(ticket)
    await post.deliver(report(sam.named(ticket, message_id), final=sam.email), sender="")
    await sam.is_known(mails=2)
    await erased(admin, sam.email)
    async with post.intake.database.begin() as session:
        kept = await session.scalars(select(RawMail.id).where(RawMail.ticket_id == ticket.id, RawMail.is_internal))
        assert kept.all() == []


async def test_a_mail_that_answers_what_was_erased_opens_a_ticket(
    post: PostOffice, admin: httpx2.AsyncClient, sam: Supplier
) -> None:
    """As one does that answers an erased ticket; what agents write to them later is another matter."""
    ticket = await post.opened()
    before = await sam.is_written_to(ticket)
    await sam.is_known(mails=1)
    await erased(admin, sam.email)
    row = await sam.answers(ticket, before)
    assert (row.state, row.is_internal) == (RawMailState.DONE, False)
    assert row.ticket_id != ticket.id
    after = await sam.is_written_to(ticket)
    row = await sam.answers(ticket, after)
    assert (row.ticket_id, row.is_internal) == (ticket.id, True)


async def test_what_becomes_known_after_an_erasure_is_erased_as_well(
    post: PostOffice, admin: httpx2.AsyncClient, sam: Supplier
) -> None:
    """Written before it, or by an installation that did not keep yet whose mails those are."""
    first, second, before = await post.opened(), await post.opened(), utc_now() - timedelta(seconds=5)
    await sam.is_written_to(first)
    await sam.is_known(mails=1)
    await erased(admin, sam.email)
    late = await sam.is_written_to(second, at=before)
    await sam.is_known(mails=2)
    stream = StreamEraser(post.intake.bus)

    async def is_cleared() -> None:
        assert await stream.position_of(f"everdesk.side.message_sent.v1.{second.id}") is None

    await eventually(is_cleared, within=30)
    row = await sam.answers(second, late)
    assert row.ticket_id != second.id


async def test_nothing_of_it_outlives_the_ticket(post: PostOffice, sam: Supplier, admin: httpx2.AsyncClient) -> None:
    ticket = await post.opened(**{"from": f"kim-{new_id().hex[-12:]}@bank.example"})
    message_id = await sam.is_written_to(ticket)
    await sam.answers(ticket, message_id)
    await sam.is_known(mails=2)
    await closed(post.intake, {"id": str(ticket.id), "number": ticket.number})
    await erased(admin, ticket.requester_email, tickets=1)
    await sam.is_known(mails=0)
    await sam.are_gone()
