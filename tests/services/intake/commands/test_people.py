"""Requesters with several addresses, as the desk tells of them: each opens the person's tickets."""

import json
import re
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import httpx2
from sqlalchemy import select, text

from services.intake.commands.project_people import project_people
from services.intake.mail.http_pipe import MailPipe, NotSettled
from services.intake.models import Message, PersonAddress
from shared.contracts.base import TicketId
from shared.contracts.events import Envelope, OrganisationChanged, RequesterChanged
from shared.kit.auth import TicketLink, TicketLinks
from shared.kit.clock import new_id, utc_now
from shared.kit.requester_ids import RequesterIds
from tests.services.intake.harness import IntakeHarness, Json
from tests.services.intake.mail.post_office import letter
from tests.support.eventually import eventually


def told(requester_id: UUID, *emails: str, at: datetime | None = None) -> Envelope:
    """The news of a person's addresses."""
    at = at or utc_now()
    event = RequesterChanged(
        requester_id=requester_id,
        email=emails[0] if emails else "",
        name="Dana",
        addresses=emails,
        version=2,
        changed_at=at,
    )
    return event.envelope(str(new_id()), at)


async def tell(intake: IntakeHarness, *events: Envelope) -> None:
    """Has intake take in what the desk says, in this order."""
    async with intake.database.begin() as session:
        await project_people(session, RequesterIds(intake.settings), events)


async def owner_of(intake: IntakeHarness, email: str) -> UUID | None:
    """Whose address intake thinks it is."""
    async with intake.database.begin() as session:
        query = select(PersonAddress.requester_id).where(PersonAddress.email == email)
        found: UUID | None = await session.scalar(query)
        return found


async def test_each_address_of_a_person_opens_their_tickets(intake: IntakeHarness) -> None:
    work, home, other = (f"{new_id().hex}@{domain}.example" for domain in ("bank", "home", "elsewhere"))
    ticket = await intake.submit(requester={"email": work, "name": "Dana"})
    links = TicketLinks(intake.settings)
    paths = [f"/t/{links.token(TicketLink(TicketId(UUID(ticket['id'])), email))}" for email in (home, other)]
    async with intake.browser() as browser:
        assert [(await browser.get(path)).status_code for path in paths] == [404, 404]
        await tell(intake, told(new_id(), work, home))
        assert [(await browser.get(path)).status_code for path in paths] == [200, 404]


async def test_changes_that_come_out_of_order_end_with_the_newest(intake: IntakeHarness) -> None:
    one, other, email = new_id(), new_id(), f"{new_id().hex}@bank.example"
    first, second, third = (utc_now() + timedelta(seconds=seconds) for seconds in (1, 2, 3))
    moved, moved_back = told(one, email, at=first), told(other, email, at=second)
    given_up, gone = told(other, at=first), told(one, at=second)
    for events in ((moved, given_up, gone, moved_back), (moved_back, gone, given_up, moved)):
        await tell(intake, *events)
        assert await owner_of(intake, email) == other
    await tell(intake, told(other, at=third))
    await tell(intake, moved_back)
    assert await owner_of(intake, email) is None


def organisation(sharing: str, *domains: str, version: int = 1, organisation_id: UUID | None = None) -> Envelope:
    """The news of an organisation."""
    event = OrganisationChanged.model_validate(
        {
            "organisation_id": organisation_id or new_id(),
            "name": "Bank",
            "domains": domains,
            "ticket_sharing": sharing,
            "version": version,
        }
    )
    return event.envelope(str(new_id()), utc_now())


class Company:
    """An organisation with two people, of whom one has a ticket."""

    def __init__(self, intake: IntakeHarness) -> None:
        self.intake, self.id, self.domain = intake, new_id(), f"{new_id().hex[-12:]}.example"
        self.dana, self.ruth = f"dana@{self.domain}", f"ruth@branch.{self.domain}"
        self.links = TicketLinks(intake.settings)

    async def shares(self, sharing: str, version: int) -> None:
        await tell(self.intake, organisation(sharing, self.domain, version=version, organisation_id=self.id))

    async def follow_mail(self, browser: httpx2.AsyncClient, ticket: Json, email: str) -> str:
        """Opens the link of a mail to this address; returns the page."""
        link = TicketLink(TicketId(UUID(ticket["id"])), email, is_mailed=True)
        answer = await browser.get(f"/t/{self.links.token(link)}")
        return answer.text if answer.status_code == 200 else str(answer.status_code)


def first_link(page: str, number: str) -> str:
    """Where a list leads to for a ticket."""
    found = re.search(rf'href="(/t/[^"]+)"><span class="num">{number}<', page)
    assert found, page
    return found[1]


async def test_colleagues_read_and_follow_only_where_their_organisation_allows(intake: IntakeHarness) -> None:
    bank = Company(intake)
    hers = await intake.submit(requester={"email": bank.dana, "name": "Dana"})
    own = await intake.submit(requester={"email": bank.ruth, "name": "Ruth"})
    async with intake.browser() as browser:
        assert (await browser.get("/organisation")).status_code == 403
        await bank.follow_mail(browser, own, bank.ruth)
        for sharing, version in (("nobody", 1), ("managers", 2)):
            await bank.shares(sharing, version)
            assert hers["number"] not in (await browser.get("/organisation")).text
        await bank.shares("members", 3)
        there = first_link((await browser.get("/organisation")).text, hers["number"])
        page = await browser.get(there)
        assert page.status_code == 200
        token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
        assert token
        form = {"csrf_token": token[1], "body": "Me too", "form_id": "one"}
        assert (await browser.post(f"{there}/reply", data=form)).status_code == 403
        assert (await browser.post(f"{there}/close", data=form)).status_code == 403
        followed = await browser.post(f"{there}/follow", data=form)
        assert "You follow this ticket" in followed.text
        await bank.shares("nobody", 4)
        assert (await browser.get(there)).status_code == 200, "who takes part goes on reading"
        assert hers["number"] not in (await browser.get("/organisation")).text


async def test_managers_alone_read_where_managers_may(intake: IntakeHarness) -> None:
    bank = Company(intake)
    hers = await intake.submit(requester={"email": bank.dana, "name": "Dana"})
    own = await intake.submit(requester={"email": bank.ruth, "name": "Ruth"})
    await bank.shares("managers", 1)
    person = RequesterChanged(
        requester_id=new_id(),
        email=bank.ruth,
        name="Ruth",
        addresses=(bank.ruth,),
        organisation_id=bank.id,
        is_manager=True,
        version=2,
        changed_at=utc_now(),
    )
    await tell(intake, person.envelope(str(new_id()), utc_now()))
    async with intake.browser() as browser:
        await bank.follow_mail(browser, own, bank.ruth)
        assert hers["number"] in (await browser.get("/organisation")).text
    async with intake.browser() as browser:
        await bank.follow_mail(browser, hers, bank.dana)
        assert own["number"] not in (await browser.get("/organisation")).text


async def test_an_organisation_below_another_is_one_of_its_own(intake: IntakeHarness) -> None:
    bank = Company(intake)
    await tell(intake, organisation("members", bank.domain), organisation("nobody", f"branch.{bank.domain}"))
    hers = await intake.submit(requester={"email": bank.dana, "name": "Dana"})
    own = await intake.submit(requester={"email": bank.ruth, "name": "Ruth"})
    async with intake.browser() as browser:
        await bank.follow_mail(browser, hers, bank.dana)
        page = (await browser.get("/organisation")).text
        assert hers["number"] in page
        assert own["number"] not in page
        link = TicketLink(TicketId(UUID(own["id"])), bank.dana)
        assert (await browser.get(f"/t/{bank.links.token(link)}")).status_code == 404


async def taken(intake: IntakeHarness, mail: bytes) -> str | None:
    """The number of a mail's ticket. A mail may be handed over again until the busy machine has read it."""
    pipe: MailPipe = intake.app.state.app_state.mail_pipe
    try:
        return await pipe.submit(mail)
    except NotSettled as error:
        raise AssertionError("not read yet") from error


async def test_mail_from_another_address_is_the_requesters_own_and_is_answered_there(intake: IntakeHarness) -> None:
    work, home, other = (f"{new_id().hex}@{domain}.example" for domain in ("bank", "home", "elsewhere"))
    ticket = await intake.submit(requester={"email": work, "name": "Dana"})
    await tell(intake, told(new_id(), work, home))
    for sender in (home, other):
        mail = letter(f"From {sender}", **{"from": sender, "subject": f"Re: [#{ticket['number']}]"})
        number = await eventually(partial(taken, intake, mail.as_bytes()), within=30)
        assert (number == ticket["number"]) is (sender == home)
    async with intake.database.begin() as session:
        query = select(Message).where(Message.ticket_id == UUID(ticket["id"])).order_by(Message.received_at.desc())
        newest = (await session.scalars(query)).first()
        told_of = text(
            "select convert_from(envelope, 'UTF8') from outbox where event_id = :id union all"
            " select convert_from(envelope, 'UTF8') from outbox_published where event_id = :id"
        )
        assert newest is not None
        assert newest.author_email is None
        envelope = await session.scalar(told_of, {"id": f"{newest.id}:posted"})
    assert json.loads(str(envelope))["data"]["requester_address"] == home
