"""Contact forms, robots and programs that answer each acknowledgement: all are heard, none is thanked for ever."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from services.intake.access.key_scopes import KeyScope
from services.intake.mail.transports.raw_mail_store import in_chunks
from services.intake.models import RawMailState, Ticket
from shared.contracts.events import TicketSubmitted
from shared.kit.clock import new_id
from tests.services.intake.api.test_submitting import announced
from tests.services.intake.mail.post_office import SUPPORT, PostOffice, letter
from tests.support.eventually import eventually


def somebody() -> str:
    return f"visitor-{new_id().hex[:12]}@home.example"


async def submitted(post: PostOffice, ticket: Ticket) -> TicketSubmitted:
    return TicketSubmitted.of(await announced(post.intake, f"everdesk.ticket.submitted.v1.{ticket.id}"))


@pytest.mark.parametrize(
    "form",
    [
        {"from": f"Contact form <{SUPPORT}>"},
        {"from": "support+shop@everdesk.example", "message-id": "<c0ffee@everdesk.example>"},
        {"from": "WordPress <noreply@shop.example>"},
        {"from": f"Anna <{SUPPORT}>", "sender": "www-data@web7.host.example"},
    ],
)
async def test_a_contact_forms_visitor_is_the_requester(post: PostOffice, form: dict[str, str]) -> None:
    visitor = somebody()
    row = await post.deliver(
        letter("Where is it?", reply_to=f"Vera <{visitor}>", **form), sender="www@web7.host.example"
    )
    assert row.state is RawMailState.DONE, row.outcome
    assert row.ticket_id is not None
    ticket = await post.ticket(row.ticket_id)
    assert (ticket.requester_email, ticket.requester_name) == (visitor, "Vera")
    event = await submitted(post, ticket)
    assert (event.is_automatic, event.acknowledge) == (False, True)


async def test_reply_to_of_a_person_does_not_make_somebody_else_the_requester(post: PostOffice) -> None:
    ticket = await post.opened(reply_to="boss@bank.example")
    assert ticket.requester_email == "dana@bank.example"


@pytest.mark.parametrize("answer_to", ["", SUPPORT, "no-reply@shop.example", "nonsense"])
async def test_a_form_without_a_visitor_still_opens_and_thanks_nobody(post: PostOffice, answer_to: str) -> None:
    ticket = await post.opened(reply_to=answer_to, **{"from": SUPPORT})
    assert ticket.requester_email == SUPPORT
    assert not (await submitted(post, ticket)).acknowledge


async def test_a_robot_cannot_speak_for_a_requester_on_their_ticket(post: PostOffice) -> None:
    ticket = await post.opened()
    mail = letter(
        "Send me all.",
        in_reply_to=post.answers(ticket),
        reply_to=ticket.requester_email,
        **{"from": "noreply@evil.example"},
    )
    row = await post.deliver(mail, sender="x@evil.example")
    assert row.ticket_id == ticket.id
    message = (await post.messages(ticket.id))[-1]
    assert message.body.startswith("From noreply@evil.example, who is not part of this ticket:")


async def test_undeliverable_goods_are_no_bounce(post: PostOffice) -> None:
    ticket = await post.opened(subject="Undeliverable goods: parcel 12", **{"from": "noreply@shop.example"})
    event = await submitted(post, ticket)
    assert (event.is_automatic, event.acknowledge) == (True, False)


@pytest.mark.parametrize("robot", ["noreply@shop.example", "No_Reply@shop.example", "donotreply+7@shop.example"])
async def test_a_robot_is_never_thanked(post: PostOffice, robot: str) -> None:
    ticket = await post.opened(**{"from": robot})
    event = await submitted(post, ticket)
    assert (event.is_automatic, event.acknowledge) == (False, False)


@pytest.mark.parametrize(
    "spelling", ["{name}@home.example", "Desk {n} <{name}@Home.example>", "{name}+t{n}@home.example"]
)
async def test_a_program_that_answers_each_thanks_is_thanked_twice(post: PostOffice, spelling: str) -> None:
    """Under one name or many, and also with a tag of its own for each mail."""
    robot = somebody().partition("@")[0]
    thanked = []
    for number in range(6):
        sender = spelling.format(name=robot, n=number)
        ticket = await post.opened(subject=f"We got your mail {number}", **{"from": sender})
        thanked.append((await submitted(post, ticket)).acknowledge)
    assert thanked == [True, True, False, False, False, False]


async def test_a_person_who_writes_now_and_then_is_thanked_each_time(post: PostOffice) -> None:
    person = somebody()
    for minutes in (300, 200, 100, 0):
        ticket = await post.opened(**{"from": person})
        assert (await submitted(post, ticket)).acknowledge
        earlier = Ticket.created_at - timedelta(minutes=minutes)
        async with post.intake.database.begin() as session:
            await session.execute(update(Ticket).where(Ticket.id == ticket.id).values(created_at=earlier))


async def test_what_was_ignored_is_found_and_opened_as_a_ticket(post: PostOffice) -> None:
    sender = somebody()
    mail = letter("Not a loop at all.", subject="Your form", x_everdesk_ticket="1", **{"from": f"Vera <{sender}>"})
    ignored = await post.deliver(mail, sender="www@web7.host.example")
    assert ignored.state is RawMailState.IGNORED
    raw = mail.as_bytes().replace(b"\n", b"\r\n")
    await post.intake.app.state.app_state.storage.put(in_chunks(raw))  # the tests' processes have stores of their own
    admin = await post.intake.make_key(KeyScope.ADMIN)
    async with post.intake.client(admin) as http:
        listed = (await http.get("/v1/admin/mails", params={"sender": sender.upper()})).json()["items"]
        assert [(one["id"], one["subject"], one["reason"]) for one in listed] == [
            (str(ignored.id), "Your form", "a loop: our own mail came back")
        ]
        original = await http.get(f"/v1/admin/mails/{ignored.id}/original")
        assert original.content == raw
        assert original.headers["content-type"] == "application/octet-stream"
        assert (await http.post(f"/v1/admin/mails/{ignored.id}/open")).status_code == 202

        async def is_opened() -> str:
            seen = (await http.get(f"/v1/admin/mails/{ignored.id}")).json()
            assert seen["state"] == "done", seen
            return str(seen["ticket_id"])

        ticket_id = await eventually(is_opened, 15.0)
        assert (await http.post(f"/v1/admin/mails/{ignored.id}/open")).status_code == 409
    ticket = await post.intake.stored(ticket_id)
    assert (ticket.requester_email, ticket.subject) == (sender, "Your form")
    assert not (await submitted(post, ticket)).acknowledge


async def test_only_an_administrators_key_sees_mails(post: PostOffice) -> None:
    async with post.intake.client() as http:
        assert (await http.get("/v1/admin/mails")).status_code == 403
        assert (await http.post(f"/v1/admin/mails/{new_id()}/open")).status_code == 403
    async with post.intake.client(await post.intake.make_key(KeyScope.ADMIN)) as http:
        assert (await http.get(f"/v1/admin/mails/{new_id()}")).status_code == 404
        assert (await http.get("/v1/admin/mails", params={"cursor": "WyJ4IiwieSJd"})).status_code in (400, 422)


@pytest.mark.parametrize("pages", [3])
async def test_ignored_mails_are_listed_newest_first_a_page_at_a_time(post: PostOffice, pages: int) -> None:
    sender = somebody()
    sent = [await post.deliver(letter(x_everdesk_ticket="1", **{"from": sender})) for _ in range(pages)]
    found: list[str] = []
    cursor: str | None = None
    async with post.intake.client(await post.intake.make_key(KeyScope.ADMIN)) as http:
        for _ in range(pages):
            params = {"sender": sender, "limit": "1"} | ({"cursor": cursor} if cursor else {})
            page = (await http.get("/v1/admin/mails", params=params)).json()
            found += [one["id"] for one in page["items"]]
            cursor = page["next_cursor"]
    assert (found, cursor) == ([str(one.id) for one in reversed(sent)], None)
