"""A ticket by the old addresses: the reference's own examples, and what each field becomes."""

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, update

from services.intake.models import Attachment, Topic
from shared.contracts.events import TicketSubmitted
from shared.contracts.vocabulary import BodyFormat, Channel, Priority
from shared.kit.clock import new_id
from tests.services.intake.api.test_submitting import announced
from tests.services.intake.osticket.old_client import EXAMPLE, LEAST, OldClient

XML_EXAMPLE = """<?xml version="1.0" encoding="UTF-8"?>
<ticket source="API" alert="false" autorespond="true"><name>Dana Ruiz</name><email>dana@bank.example</email>
 <subject>Online banking system down</subject><phone ext="12">5551234567</phone><topicId>10</topicId>
 <message type="text/plain">502 on login</message></ticket>"""


async def test_the_example_in_json_becomes_a_ticket(old: OldClient) -> None:
    made = await old.made(await old.json(EXAMPLE))
    ticket, message = made.ticket, made.message
    assert (ticket.requester_name, ticket.requester_email) == ("Dana Ruiz", "dana@bank.example")
    assert (ticket.requester_phone, ticket.subject) == ("5551234567X12", "Online banking system down")
    assert (ticket.requested_priority, ticket.channel) == (Priority.URGENT, Channel.API)
    assert await old.intake.app.state.app_state.topics.slug_of(ticket.topic_id) == "online-banking"
    assert (message.body, message.body_format) == ("<p>Login returns 502</p>", BodyFormat.HTML)
    event = TicketSubmitted.of(await announced(old.intake, f"everdesk.ticket.submitted.v1.{ticket.id}"))
    assert (event.number, event.alert, event.acknowledge) == (ticket.number, True, False)


async def test_somebody_known_by_address_needs_no_name(old: OldClient) -> None:
    address = f"known-{new_id().hex[-8:]}@bank.example"
    assert (await old.json(LEAST | {"name": "", "email": address})).status_code == 500
    await old.made(await old.json(LEAST | {"email": address}))
    without = {name: value for name, value in LEAST.items() if name != "name"} | {"email": address.upper()}
    inside = f"<subject>Down</subject><message>502</message><email>{address}</email><name> </name>"
    for answer in (await old.json(without), await old.xml(f"<ticket>{inside}</ticket>")):
        made = await old.made(answer)
        assert (made.ticket.requester_name, made.message.author_name) == ("Dana Ruiz", "Dana Ruiz")


async def test_the_example_in_xml_becomes_a_ticket(old: OldClient) -> None:
    made = await old.made(await old.xml(XML_EXAMPLE))
    assert made.ticket.requester_phone == "5551234567X12"
    assert (made.message.body, made.message.body_format) == ("502 on login", BodyFormat.TEXT)
    event = TicketSubmitted.of(await announced(old.intake, f"everdesk.ticket.submitted.v1.{made.ticket.id}"))
    assert (event.alert, event.acknowledge) == (False, True)


@pytest.mark.parametrize("path", ["/api/tickets.json", "/api/http.php/tickets.json"])
@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/xml", "application/json", ""])
async def test_the_suffix_decides_what_a_body_is(old: OldClient, path: str, content_type: str) -> None:
    await old.made(await old.send(path, json.dumps(LEAST), Content_Type=content_type))


@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_the_method_may_be_told_in_the_address(old: OldClient, method: str) -> None:
    await old.made(await old.send("/api/tickets.json?_method=post", json.dumps(LEAST), method))


TRUE: tuple[Any, ...] = (True, "false", "true", 1, None, [0])
FALSE: tuple[Any, ...] = (False, 0, 0.0, "", "0", [])


@pytest.mark.parametrize(("sent", "is_true"), [*((sent, True) for sent in TRUE), *((sent, False) for sent in FALSE)])
async def test_flags_in_json_are_what_php_takes_for_true(old: OldClient, sent: Any, is_true: bool) -> None:
    made = await old.made(await old.json(LEAST | {"alert": sent, "autorespond": sent}))
    event = TicketSubmitted.of(await announced(old.intake, f"everdesk.ticket.submitted.v1.{made.ticket.id}"))
    assert (event.alert, event.acknowledge) == (is_true, is_true)


@pytest.mark.parametrize(
    ("source", "channel"),
    [
        ("API", Channel.API),
        ("web", Channel.PORTAL),
        ("Email", Channel.EMAIL),
        ("Phone", Channel.API),
        ("Other", Channel.API),
        ("", Channel.API),
        (None, Channel.API),
    ],
)
async def test_sources_are_channels(old: OldClient, source: str | None, channel: Channel) -> None:
    assert (await old.made(await old.json(LEAST | {"source": source}))).ticket.channel is channel


@pytest.mark.parametrize(
    ("number", "priority"),
    [(1, Priority.LOW), ("2", Priority.NORMAL), (3.0, Priority.HIGH), (4, Priority.URGENT), (None, None), ("", None)],
)
@pytest.mark.parametrize("name", ["priorityId", "priority"])
async def test_priorities_go_by_their_old_numbers(
    old: OldClient, name: str, number: object, priority: Priority | None
) -> None:
    assert (await old.made(await old.json(LEAST | {name: number}))).ticket.requested_priority is priority


async def test_a_priority_nobody_knows_is_remarked_upon(old: OldClient) -> None:
    made = await old.made(await old.json(LEAST | {"priorityId": 17}))
    assert made.ticket.requested_priority is None
    assert "Priority '17' is not known here." in made.message.quoted


@pytest.mark.parametrize("name", ["subject", "name"])
async def test_a_line_that_is_too_long_is_cut_and_kept_whole_beside_the_message(old: OldClient, name: str) -> None:
    line = "Disk full on " + "host " * 60 + "the last word"
    for answer in (
        await old.json(LEAST | {name: line}),
        await old.xml(f"<ticket><message>m</message><email>dana@bank.example</email>{xml_line(name, line)}</ticket>"),
    ):
        made = await old.made(answer)
        kept = made.ticket.subject if name == "subject" else made.ticket.requester_name
        assert kept == line[:255].strip()
        assert line in made.message.quoted


def xml_line(name: str, line: str) -> str:
    return "".join(f"<{one}>{line if one == name else 'x'}</{one}>" for one in ("subject", "name"))


@pytest.mark.parametrize(("name", "words"), [("priorityId", "Priority '2, 3'"), ("ip", "The address '2, 3'")])
async def test_a_list_where_one_value_belongs_is_remarked_upon(old: OldClient, name: str, words: str) -> None:
    assert words in (await old.made(await old.json(LEAST | {name: ["2", "3"]}))).message.quoted


UNKNOWN_TOPICS = (999, "online-banking", -1, 1.5, "10 ", "1e1", "9" * 40, ["10", "11"], "1\n0", "\u0661")


@pytest.mark.parametrize("number", UNKNOWN_TOPICS)
async def test_a_topic_nobody_knows_is_remarked_upon(old: OldClient, number: object) -> None:
    made = await old.made(await old.json(LEAST | {"topicId": number}))
    if number == "10 ":
        assert made.ticket.topic_id is not None
    else:
        assert made.ticket.topic_id is None
        assert "is not known here; the default was taken." in made.message.quoted


@pytest.mark.parametrize("nothing", [None, "", "0", 0, True, {}])
async def test_no_topic_is_nothing_to_remark_upon(old: OldClient, nothing: object) -> None:
    made = await old.made(await old.json(LEAST | {"topicId": nothing}))
    assert (made.ticket.topic_id, made.message.quoted) == (None, "")


@pytest.mark.parametrize("number", [None, 999])
async def test_the_default_topic_takes_what_names_no_other(
    old: OldClient, monkeypatch: pytest.MonkeyPatch, number: int | None
) -> None:
    state = old.intake.app.state.app_state
    changed = state.settings.model_copy(update={"osticket_default_topic": "feedback"})
    monkeypatch.setitem(old.intake.app.state._state, "app_state", replace(state, settings=changed))
    made = await old.made(await old.json(LEAST | {"topicId": number}))
    assert await state.topics.slug_of(made.ticket.topic_id) == "feedback"


async def test_an_inactive_topic_gives_the_default(old: OldClient) -> None:
    async with old.intake.database.begin() as session:
        await session.execute(update(Topic).where(Topic.slug == "feedback").values(legacy_id=77, is_active=False))
    old.intake.app.state.app_state.topics.forget()
    try:
        made = await old.made(await old.json(LEAST | {"topicId": 77}))
    finally:
        async with old.intake.database.begin() as session:
            await session.execute(update(Topic).where(Topic.slug == "feedback").values(legacy_id=None, is_active=True))
        old.intake.app.state.app_state.topics.forget()
    assert made.ticket.topic_id is None
    assert "Topic '77' is not known here" in made.message.quoted


async def test_an_address_that_is_none_is_remarked_upon(old: OldClient) -> None:
    made = await old.made(await old.json(LEAST | {"ip": "localhost"}))
    assert "The address 'localhost' is not an IP address." in made.message.quoted


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("tel. 555 123 4567", "555 123 4567"),
        ("+49\u00a089\u00a05551234", "+49895551234"),
        ("555-123-4567 ext. 12", "555-123-4567 x. 12"),
        ("555" + "1" * 60, "555" + "1" * 37),
        (5551234, "5551234"),
        ({}, None),
        (True, None),
    ],
)
async def test_words_around_a_telephone_number_are_remarked_upon(old: OldClient, sent: Any, kept: str | None) -> None:
    for answer in (await old.json(LEAST | {"phone": sent}), await old.xml(as_xml(LEAST | {"phone": sent}))):
        made = await old.made(answer)
        is_changed = kept is not None and str(sent) != kept
        assert made.ticket.requester_phone == kept
        assert (f"The phone as it was sent: {sent}" in made.message.quoted) is is_changed


def as_xml(body: dict[str, Any]) -> str:
    inside = "".join(
        f"<{name}>{text}</{name}>" for name, text in body.items() if isinstance(text, str | int) and text is not True
    )
    return f"<ticket>{inside}</ticket>"


ODD: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1.5,
    10**30,
    "",
    " ",
    "x",
    "\u0661",
    "a" * 5000,
    [],
    ["1", "2"],
    {"a": 1},
    [{}],
)
SHRUGGED = ("topicId", "priorityId", "priority", "ip", "alert", "autorespond", "attachments", "deptId", "unknown")


@pytest.mark.parametrize("name", SHRUGGED)
async def test_no_value_of_a_field_that_the_old_help_desk_shrugged_off_fails_the_call(
    old: OldClient, name: str
) -> None:
    for sent in ODD:
        await old.made(await old.json(LEAST | {name: sent}))
    for text in ("", " ", "x", "-1", "1.5", "&#1633;", "a" * 5000, "<a><b/></a>"):
        inside = "".join(f"<{key}>{value}</{key}>" for key, value in LEAST.items())
        await old.made(await old.xml(f"<ticket>{inside}<{name}>{text}</{name}></ticket>"))


async def test_all_attachments_of_an_xml_body_are_kept(old: OldClient) -> None:
    one = "<attachments><file name='{0}.txt'><![CDATA[ a &amp; b ]]></file></attachments>"
    made = await old.made(
        await old.xml(as_xml(LEAST).replace("</ticket>", one.format(1) + one.format(2) + "</ticket>"))
    )
    async with old.intake.database.begin() as session:
        files = await session.scalars(select(Attachment).where(Attachment.ticket_id == made.ticket.id))
        assert sorted((file.name, file.size) for file in files) == [("1.txt", 9), ("2.txt", 9)]


async def test_the_form_of_the_default_topic_does_not_fail_the_call(
    old: OldClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = [{"kind": "text", "name": "branch", "label": "Branch", "required": True}]
    async with old.intake.database.begin() as session:
        session.add(
            Topic(
                id=new_id(), slug="with-form", name="With a form", description="", position=9, form=form, legacy_id=78
            )
        )
    state = old.intake.app.state.app_state
    state.topics.forget()
    changed = state.settings.model_copy(update={"osticket_default_topic": "with-form"})
    monkeypatch.setitem(old.intake.app.state._state, "app_state", replace(state, settings=changed))
    made = await old.made(await old.json(LEAST | {"topicId": 999}))
    assert await state.topics.slug_of(made.ticket.topic_id) == "with-form"
    assert (await old.json(LEAST | {"topicId": 78})).status_code == 500


async def test_ampersands_in_attributes_are_what_was_written(old: OldClient) -> None:
    ticket = (
        '<ticket name="Smith &amp; Sons &#38; &lt;Co&gt;" email="dana@bank.example"'
        ' subject="R&amp;D &amp;#38; &quot;x&quot;" message="  A &amp; B  "><attachments>'
        '<file name="a&amp;b.txt" encoding="base64">\n NTAy \n</file><file name="plain.txt">\n  502 \n</file>'
        "</attachments></ticket>"
    )
    made = await old.made(await old.xml(ticket))
    assert (made.ticket.requester_name, made.ticket.subject) == ("Smith & Sons & <Co>", 'R&D &#38; "x"')
    assert made.message.body == "A & B"
    async with old.intake.database.begin() as session:
        files = await session.scalars(select(Attachment).where(Attachment.ticket_id == made.ticket.id))
        assert sorted((file.name, file.size) for file in files) == [("a&b.txt", 3), ("plain.txt", 3)]


async def test_blanks_around_a_message_element_are_not_part_of_it(old: OldClient) -> None:
    made = await old.made(await old.xml(XML_EXAMPLE.replace("502 on login", "\n\t  502 on login\n ")))
    assert made.message.body == "502 on login"


async def test_without_a_subject_the_topic_lends_its_name(old: OldClient) -> None:
    body = {name: value for name, value in LEAST.items() if name != "subject"}
    assert (await old.made(await old.json(body | {"topicId": "10"}))).ticket.subject == "Online banking"


LATIN = base64.b64encode("Zählen".encode("latin-1")).decode()
MESSAGES: list[tuple[str, str, BodyFormat]] = [
    ("plain words", "plain words", BodyFormat.TEXT),
    ("data:,100%25", "100%25", BodyFormat.TEXT),
    ("data:text/html,<b>x</b>", "<b>x</b>", BodyFormat.HTML),
    (f"data:text/plain;charset=iso-8859-1;base64,{LATIN}", "Zählen", BodyFormat.TEXT),
    ("data:text/html;base64,PGI+eDwvYj4", "<b>x</b>", BodyFormat.HTML),
    ("data:text/plain;charset=iso-8859-1,Zählen", "Zählen", BodyFormat.TEXT),
    ("data: I have none, sorry", "data: I have none, sorry", BodyFormat.TEXT),
    ("data:text/html without a comma", "data:text/html without a comma", BodyFormat.TEXT),
]


@pytest.mark.parametrize(("sent", "body", "body_format"), MESSAGES, ids=[sent[:24] for sent, *_ in MESSAGES])
async def test_messages_may_be_data_urls(old: OldClient, sent: str, body: str, body_format: BodyFormat) -> None:
    message = (await old.made(await old.json(LEAST | {"message": sent}))).message
    assert (message.body, message.body_format) == (body, body_format)


@pytest.mark.parametrize(
    ("message", "body", "body_format"),
    [
        ("<message>a &amp; <![CDATA[<b>]]></message>", "a & <b>", BodyFormat.TEXT),
        ('<message type="text/html"><![CDATA[<b>x</b>]]></message>', "<b>x</b>", BodyFormat.HTML),
        ('<message type="text/html" encoding="base64">PGI+\n eDwvYj4=</message>', "<b>x</b>", BodyFormat.HTML),
    ],
)
async def test_messages_in_xml_have_type_and_encoding(
    old: OldClient, message: str, body: str, body_format: BodyFormat
) -> None:
    sent = f'<ticket name="Dana" email="dana@bank.example"><subject>Down</subject>{message}</ticket>'
    stored = (await old.made(await old.xml(sent))).message
    assert (stored.body, stored.body_format) == (body, body_format)


async def test_xml_may_be_in_another_charset(old: OldClient) -> None:
    sent = XML_EXAMPLE.replace("UTF-8", "ISO-8859-1").replace("502 on login", "Zählen").encode("latin-1")
    assert (await old.made(await old.xml(sent))).message.body == "Zählen"


async def test_fields_of_the_inside_never_take_effect(old: OldClient) -> None:
    inside = dict.fromkeys(
        ("deptId", "statusId", "slaId", "staffId", "teamId", "uid", "cannedResponseId", "duedate", "number", "id"), 1
    )
    made = await old.made(await old.json(LEAST | inside | {"status": "closed", "fields": {"a": "b"}}))
    ticket = made.ticket
    assert (ticket.status, ticket.fields, ticket.api_key_id is not None) == ("new", {}, True)
    assert ticket.number != "1"


async def test_a_repeated_key_makes_one_ticket(old: OldClient) -> None:
    before = await old.intake.count("tickets")
    answers = [await old.json(LEAST, Idempotency_Key="old-1") for _ in range(2)]
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert await old.intake.count("tickets") == before + 1
    assert (await old.json(EXAMPLE, Idempotency_Key="old-1")).status_code == 422


@pytest.mark.parametrize(
    ("xml", "body"),
    [
        ('<ticket message="502 on login"><message/>', "502 on login"),
        ('<ticket message="502 on login"><message> </message>', "502 on login"),
        ('<ticket message="ignored"><message>502 on login</message>', "502 on login"),
        ("<ticket><message>502 <b>on <i>every</i></b> login</message>", "502 on every login"),
    ],
)
async def test_the_words_of_an_xml_message_are_kept(old: OldClient, xml: str, body: str) -> None:
    rest = "<name>Dana</name><email>dana@bank.example</email><subject>Down</subject></ticket>"
    assert (await old.made(await old.xml(xml + rest))).message.body == body
