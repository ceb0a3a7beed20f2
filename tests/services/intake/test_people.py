"""Requesters with several addresses, as the desk tells of them: each opens the person's tickets."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from services.intake.commands.project_people import project_people
from services.intake.models import PersonAddress
from shared.contracts.base import TicketId
from shared.contracts.events import Envelope, RequesterChanged
from shared.kit.auth import TicketLink, TicketLinks
from shared.kit.clock import new_id, utc_now
from shared.kit.requester_ids import RequesterIds
from tests.services.intake.harness import IntakeHarness


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
