"""Writing on tickets: drafts, replies that can be taken back, followers, presence, links and corrections."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, text, update

from services.assignment.commands.held_replies import send_due
from services.assignment.commands.tickets import ticket_details
from services.assignment.models import HeldReply, Message
from shared.contracts.base import TicketId
from shared.contracts.events import Envelope, FollowerChanged, MessageEdited, TicketEdited, TicketMentioned
from shared.contracts.names import STREAM
from shared.kit.clock import new_id, utc_now
from tests.services.assignment.desk import AgentApi, Desk, Json, agent_id
from tests.support.eventually import eventually


async def replies(agent: AgentApi, path: str) -> list[str]:
    """What agents wrote to the requester."""
    entries = (await agent.get(f"{path}/messages"))["items"]
    return [one["body"] for one in entries if one["kind"] == "message" and one["author"]["kind"] == "agent"]


async def put(agent: AgentApi, path: str, body: Json, expect: int = 200) -> Json:
    answer = await agent.send("PUT", path, json=body)
    assert answer.status_code == expect, answer.text
    found: Json = answer.json()
    return found


async def test_a_draft_is_kept_per_agent_ticket_and_kind(desk: Desk) -> None:
    ticket, ada, ben = await desk.ticket(), await desk.agent("ada"), await desk.agent("bruno")
    path = f"/v1/tickets/{ticket['id']}/draft"
    assert (await ada.get(path))["body"] == ""
    await put(ada, path, {"body": "Dear Dana,\n\n* we", "body_format": "markdown"})
    await put(ada, path, {"kind": "note", "body": "Ask the bank."})
    kept = await ada.get(path)
    assert (kept["body"], kept["body_format"], kept["kind"]) == ("Dear Dana,\n\n* we", "markdown", "reply")
    assert kept["updated_at"] is not None
    assert (await ada.get(path, kind="note"))["body"] == "Ask the bank."
    assert (await ben.get(path))["body"] == "", "another agent's draft is their own"
    await put(ada, path, {"body": "  "})
    assert (await ada.get(path))["updated_at"] is None
    await put(ada, path, {"body": "nul \0"}, expect=422)
    await put(ada, path, {"body": "x" * 300_000}, expect=422)


async def unhurried(desk: Desk) -> AgentApi:
    """An agent with half a minute to take replies back; here nobody else has any."""
    bruno = await desk.agent("bruno")
    await bruno.patch("/v1/me/settings", {"undo_seconds": 30})
    return bruno


async def test_a_held_reply_can_be_taken_back_until_it_goes_out(desk: Desk) -> None:
    ticket, ada = await desk.ticket(), await unhurried(desk)
    path = f"/v1/tickets/{ticket['id']}"
    await put(ada, f"{path}/draft", {"body": "Half a reply"})
    body = {"body": "Second thoughts", "body_format": "markdown"}
    held = await ada.post(f"{path}/held-replies", body, expect=202, Idempotency_Key="k1")
    again = await ada.post(f"{path}/held-replies", body, expect=202, Idempotency_Key="k1")
    assert again["id"] == held["id"]
    assert (await ada.get(f"{path}/draft"))["body"] == "", "sending empties the draft"
    assert [one["id"] for one in (await ada.get(f"{path}/held-replies"))["items"]] == [held["id"]]
    back = await ada.send("DELETE", f"{path}/held-replies/{held['id']}")
    assert back.status_code == 200, back.text
    assert (await ada.get(f"{path}/draft"))["body"] == "Second thoughts"
    assert (await ada.get(f"{path}/held-replies"))["items"] == []
    assert (await ada.send("DELETE", f"{path}/held-replies/{held['id']}")).status_code == 404
    assert await replies(ada, path) == []


async def made_due(desk: Desk, held: Json) -> None:
    async with desk.database.begin() as session:
        due = update(HeldReply).where(HeldReply.id == UUID(held["id"])).values(send_at=utc_now() - timedelta(seconds=1))
        await session.execute(due)
    desk.context.held_replies.set()


async def test_a_held_reply_goes_out_once_and_its_next_step_with_it(desk: Desk) -> None:
    ticket, ada = await desk.ticket(), await unhurried(desk)
    path = f"/v1/tickets/{ticket['id']}"
    body = {"body": "Solved.", "then": "resolve"}
    held = await ada.post(f"{path}/held-replies", body, expect=202, Idempotency_Key="k2")
    await made_due(desk, held)
    await send_due(desk.context)
    await desk.seen(ticket["id"], status="resolved")
    assert await replies(ada, path) == ["Solved."]
    late = await ada.send("POST", f"{path}/held-replies", json=body, headers={"Idempotency-Key": "k2"})
    assert late.status_code == 409
    assert await replies(ada, path) == ["Solved."]
    async with desk.database.begin() as session:
        assert await session.scalar(select(func.count()).where(HeldReply.ticket_id == UUID(ticket["id"]))) == 0


async def test_a_sender_that_dies_after_the_reply_leaves_one_message(desk: Desk) -> None:
    """The row stays behind, as after `kill -9` between the reply and its removal: whoever finds it sends no second."""
    ticket, ada = await desk.ticket(), await unhurried(desk)
    path = f"/v1/tickets/{ticket['id']}"
    held = await ada.post(f"{path}/held-replies", {"body": "Only once."}, expect=202, Idempotency_Key="k3")
    async with desk.database.begin() as session:
        row = await session.get_one(HeldReply, UUID(held["id"]))
        left = {column.name: getattr(row, column.name) for column in HeldReply.__table__.columns}
    await made_due(desk, held)
    await eventually(lambda: _gone(desk, held))
    async with desk.database.begin() as session:
        session.add(HeldReply(**left | {"send_at": utc_now() - timedelta(seconds=1)}))
    desk.context.held_replies.set()

    await eventually(lambda: _gone(desk, held))
    assert await replies(ada, path) == ["Only once."]
    async with desk.database.begin() as session:
        sent = select(func.count()).where(Message.ticket_id == UUID(ticket["id"]), Message.body == "Only once.")
        assert await session.scalar(sent) == 1


async def _gone(desk: Desk, held: Json) -> None:
    async with desk.database.begin() as session:
        assert await session.get(HeldReply, UUID(held["id"])) is None


async def test_a_reply_that_is_refused_after_its_agent_has_left_comes_back_with_the_reason(desk: Desk) -> None:
    ticket, ada = await desk.ticket(), await unhurried(desk)
    path = f"/v1/tickets/{ticket['id']}"
    held = await ada.post(f"{path}/held-replies", {"body": "To nobody."}, expect=202, Idempotency_Key="k4")
    async with desk.database.begin() as session:
        await session.execute(
            update(HeldReply).where(HeldReply.id == UUID(held["id"])).values(attachments=[str(new_id())])
        )
    await made_due(desk, held)

    async def returned() -> None:
        draft = await ada.get(f"{path}/draft")
        assert draft["body"] == "To nobody."
        assert draft["remark"].startswith("Not sent:")

    await eventually(returned)
    assert await replies(ada, path) == []


async def test_undo_seconds_are_the_agents_own(desk: Desk) -> None:
    ada = await desk.agent("ada")
    settings = await ada.patch("/v1/me/settings", {"undo_seconds": 30, "time_zone": "Europe/Berlin"})
    assert (settings["undo_seconds"], settings["time_zone"], settings["shortcuts"]) == (30, "Europe/Berlin", {})
    settings = await ada.patch("/v1/me/settings", {"shortcuts": {"reply": "a", "queue": "g q"}})
    assert settings["undo_seconds"] == 30
    for wrong in (
        {"shortcuts": {"reply": "a", "note": "a"}},
        {"shortcuts": {"reply": "g", "queue": "g q"}},
        {"shortcuts": {"reply": "<script>"}},
        {"time_zone": "Mars/Olympus"},
        {"undo_seconds": 61},
    ):
        await ada.patch("/v1/me/settings", wrong, expect=422)
    cleared: Json = {"undo_seconds": None, "time_zone": None, "shortcuts": None}
    assert (await ada.patch("/v1/me/settings", cleared))["shortcuts"] == {}


async def test_notes_make_those_they_mention_followers(desk: Desk) -> None:
    ticket, ada = await desk.ticket(), await desk.agent("ada")
    path = f"/v1/tickets/{ticket['id']}"
    assert (await ada.get(f"{path}/followers"))["items"] == []
    await ada.post(f"{path}/followers", expect=201)
    await ada.post(f"{path}/followers", expect=201)
    await ada.post(f"{path}/notes", {"body": "Can you look, @dmitri? Not you, someone@dmitri.example."})
    found = (await ada.get(f"{path}/followers"))["items"]
    assert {(one["agent"]["id"], one["is_mentioned"]) for one in found} == {
        (str(agent_id("ada")), False),
        (str(agent_id("dmitri")), True),
    }
    assert (await ada.send("DELETE", f"{path}/followers/{agent_id('dmitri')}")).status_code == 204
    assert len((await ada.get(f"{path}/followers"))["items"]) == 1
    await ada.post(f"{path}/followers", {"agent_id": str(new_id())}, expect=422)


async def all_announced(desk: Desk, kind: type[TicketMentioned] | type[FollowerChanged], ticket_id: str) -> list[Any]:
    """The events of a ticket, the newest last, whether they have left already or not."""
    query = text(
        "select envelope, id from outbox where subject = :subject"
        " union all select envelope, id from outbox_published where subject = :subject order by id"
    )
    async with desk.database.begin() as session:
        rows = (await session.execute(query, {"subject": f"{kind.type()}.{ticket_id}"})).all()
    return [kind.of(Envelope.model_validate_json(row.envelope)) for row in rows]


async def test_a_note_tells_whom_it_mentions_once_and_nothing_else(desk: Desk) -> None:
    ticket, ada = await desk.ticket(), await desk.agent("ada")
    path = f"/v1/tickets/{ticket['id']}"
    await ada.post(f"{path}/notes", {"body": "For nobody."})
    assert await all_announced(desk, TicketMentioned, ticket["id"]) == []
    note = {"body": "Look, @bruno and @bruno, not @nobody.", "body_format": "text"}
    first = await ada.post(f"{path}/notes", note, expect=201, Idempotency_Key="m1")
    await ada.post(f"{path}/notes", note, expect=201, Idempotency_Key="m1")
    event, *others = await all_announced(desk, TicketMentioned, ticket["id"])
    assert not others
    assert (event.agent_ids, event.actor.id) == ((agent_id("bruno"),), agent_id("ada"))
    assert "Look" not in event.model_dump_json(), "the note's words stay here"
    edit = f"{path}/messages/{first['message_id']}"
    await ada.patch(edit, {"body": "Look, @bruno. And @dmitri."})
    await ada.patch(edit, {"body": "Look, @dmitri."})
    await ada.patch(edit, {"body": "Look, @bruno, @dmitri."})
    _, corrected, *others = await all_announced(desk, TicketMentioned, ticket["id"])
    assert not others, "whoever was named in any version is not told again"
    assert corrected.agent_ids == (agent_id("dmitri"),)


async def test_the_comment_on_an_action_mentions_as_a_note_does(desk: Desk) -> None:
    ticket, ada = await desk.ticket(), await desk.agent("ada")
    path = f"/v1/tickets/{ticket['id']}"
    await ada.post(f"{path}/prioritise", {"priority": "low", "comment": "@bruno agrees."}, expect=200)
    (event,) = await all_announced(desk, TicketMentioned, ticket["id"])
    assert event.agent_ids == (agent_id("bruno"),)


async def test_following_is_announced_when_it_begins_and_ends(desk: Desk) -> None:
    ticket, ada = await desk.ticket(), await desk.agent("ada")
    path = f"/v1/tickets/{ticket['id']}/followers"
    for _ in range(2):
        await ada.post(path, expect=201)
    for _ in range(2):
        assert (await ada.send("DELETE", f"{path}/{agent_id('ada')}")).status_code == 204
    found = await all_announced(desk, FollowerChanged, ticket["id"])
    assert [(one.agent_id, one.is_following) for one in found] == [(agent_id("ada"), True), (agent_id("ada"), False)]


async def test_a_search_finds_what_one_follows_and_is_mentioned_in(desk: Desk) -> None:
    followed, named = await desk.ticket(), await desk.ticket()
    ada, bruno = await desk.agent("ada"), await desk.agent("bruno")

    async def found(agent: AgentApi, q: str) -> set[str]:
        return {one["id"] for one in (await agent.get("/v1/tickets", q=q, limit="100"))["items"]}

    await bruno.post(f"/v1/tickets/{followed['id']}/followers", expect=201)
    await ada.post(f"/v1/tickets/{named['id']}/notes", {"body": "@bruno, please"})
    both = {followed["id"], named["id"]}
    assert both <= await found(bruno, "is:following")
    assert both & await found(bruno, "is:mentioned") == {named["id"]}
    assert not both & await found(bruno, "-is:following")
    assert not both & await found(ada, "is:following")


async def test_presence_tells_who_looks_and_who_types(desk: Desk) -> None:
    ticket, ada, other = await desk.ticket(), await desk.agent("ada"), await desk.agent("bruno")
    path = f"/v1/tickets/{ticket['id']}/presence"
    assert (await ada.post(path))["items"] == []
    seen = await other.post(path, {"is_typing": True})
    assert [one["agent"]["id"] for one in seen["items"]] == [str(agent_id("ada"))]
    here = await ada.get(path)
    assert [(one["agent"]["id"], one["is_typing"]) for one in here["items"]] == [(str(agent_id("bruno")), True)]
    assert here["revision"] == ticket["revision"]
    await other.post(path, {"is_gone": True})
    assert (await ada.get(path))["items"] == []


async def test_links_are_shown_from_both_sides(desk: Desk) -> None:
    one, other, ada = await desk.ticket(), await desk.ticket(), await desk.agent("ada")
    links = await ada.post(f"/v1/tickets/{one['id']}/links", {"ticket": f"#{other['number']}", "kind": "duplicate"})
    assert [(link["ticket"]["id"], link["kind"]) for link in links["items"]] == [(other["id"], "duplicate_of")]
    seen = (await ada.get(f"/v1/tickets/{other['id']}/links"))["items"]
    assert [(link["ticket"]["id"], link["kind"]) for link in seen] == [(one["id"], "duplicated_by")]
    await ada.post(f"/v1/tickets/{other['id']}/links", {"ticket": one["number"]})
    assert [link["kind"] for link in (await ada.get(f"/v1/tickets/{one['id']}/links"))["items"]] == ["related"]
    for wrong in (one["number"], "no-such-number", str(new_id())):
        await ada.post(f"/v1/tickets/{one['id']}/links", {"ticket": wrong}, expect=422)
    assert (await ada.send("DELETE", f"/v1/tickets/{one['id']}/links/{other['id']}")).status_code == 204
    assert (await ada.get(f"/v1/tickets/{other['id']}/links"))["items"] == []


async def announced(desk: Desk, kind: type[Any], ticket: Json) -> Any:
    """The last event of a kind about a ticket."""
    subject = f"{kind.type()}.{ticket['id']}"

    async def last() -> Any:
        message = await (await desk.bus.jetstream()).get_last_msg(STREAM, subject)
        return kind.of(Envelope.model_validate_json(message.data or b""))

    return await eventually(last)


async def test_a_correction_of_the_ticket_leaves_a_trace_and_is_announced(desk: Desk) -> None:
    ticket, ada = await desk.ticket(), await desk.agent("ada")
    path = f"/v1/tickets/{ticket['id']}"
    changes: Json = {
        "subject": "Log-in fails",
        "requester": {"email": "kim@bank.example", "name": "Kim Oh"},
        "topic": "access",
        "fields": {"branch": "Lisbon"},
    }
    await desk.submit("access")
    changed = await eventually(lambda: ada.patch(path, changes))
    assert (changed["subject"], changed["requester"]["name"]) == ("Log-in fails", "Kim Oh")
    assert changed["topic"]["slug"] == "access"
    assert changed["fields"][0]["value"] == "Lisbon"
    line = (await ada.get(f"{path}/timeline"))["items"][-1]
    assert (line["type"], line["actor"]["name"]) == ("ticket.edited", "Ada Lindqvist")
    assert line["details"]["changed"] == ["fields", "requester", "subject", "topic"]
    assert "Kim" not in str(line), "the log holds nothing personal"
    edited = await announced(desk, TicketEdited, ticket)
    assert (edited.ticket_id, edited.subject) == (TicketId(UUID(ticket["id"])), "Log-in fails")
    assert edited.requester.email == "kim@bank.example"
    found = await ada.get("/v1/tickets", q="Kim Oh")
    assert ticket["id"] in [one["id"] for one in found["items"]]
    await ada.post(f"{path}/prioritise", {"priority": "urgent"})
    seen = await desk.seen(ticket["id"], priority="urgent")
    assert (seen["subject"], seen["topic"]["slug"]) == ("Log-in fails", "access"), "later steps leave it alone"
    again = await ada.patch(path, {"subject": "Log-in fails"})
    assert again["subject"] == "Log-in fails"
    lines = (await ada.get(f"{path}/timeline"))["items"]
    assert len([one for one in lines if one["type"] == "ticket.edited"]) == 1, "nothing changed, nothing told"
    await ada.patch(path, {"topic": "no-such-topic"}, expect=422)
    await ada.patch(path, {"status": "closed"}, expect=422)


async def test_a_correction_is_later_than_those_before_whatever_the_clock_of_its_process_says(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other services go by that instant: an edit that seemed older would never be shown there."""
    ticket, ada = await desk.ticket(), await desk.agent("ada")
    path = f"/v1/tickets/{ticket['id']}"
    await ada.patch(path, {"subject": "First"})
    first = await announced(desk, TicketEdited, ticket)
    monkeypatch.setattr(ticket_details, "utc_now", lambda: first.edited_at - timedelta(minutes=1))
    await ada.patch(path, {"subject": "Second"})

    async def is_later() -> None:
        second = await announced(desk, TicketEdited, ticket)
        assert second.subject == "Second"
        assert second.edited_at > first.edited_at

    await eventually(is_later)


async def test_all_answers_of_a_ticket_hold_no_more_than_what_every_event_and_list_can_carry(desk: Desk) -> None:
    ticket, ada = await desk.ticket(), await desk.agent("ada")
    path = f"/v1/tickets/{ticket['id']}"
    answers = {f"note-{number}": "ж" * 4000 for number in range(2)}
    refused = await ada.patch(path, {"fields": answers | {"long": ["x" * 4000] * 20}}, expect=422)
    assert refused["errors"][0]["pointer"] == "/fields/long"
    assert refused["errors"][0]["detail"] == "is too long: all fields together hold at most 16 KiB"
    seen = await ada.patch(path, {"fields": answers})
    assert {one["name"]: one["value"] for one in seen["fields"]} == answers
    await ada.patch(path, {"fields": {"more": "x" * 400}}, expect=422)
    await ada.patch(path, {"fields": {"note-0": "shorter", "more": "x" * 400}})


async def test_who_wrote_a_reply_may_correct_it_and_its_history_is_kept(desk: Desk) -> None:
    ticket, ada, other = await desk.ticket(), await desk.agent("ada"), await desk.agent("bruno")
    path = f"/v1/tickets/{ticket['id']}"
    sent = await ada.post(f"{path}/replies", {"body": "By noom."})
    entry = f"{path}/messages/{sent['message_id']}"
    corrected = await ada.patch(entry, {"body": "By noon."})
    assert corrected["body"] == "By noon."
    assert corrected["edited_at"] is not None
    await ada.patch(entry, {"body": "By *noon*.", "body_format": "markdown"})
    versions = (await ada.get(f"{entry}/versions"))["items"]
    assert [(one["version"], one["body"]) for one in versions] == [(1, "By noom."), (2, "By noon.")]
    event = await announced(desk, MessageEdited, ticket)
    assert (str(event.message_id), event.body, event.version) == (sent["message_id"], "By *noon*.", 3)
    await other.patch(entry, {"body": "Mine now."}, expect=403)
    await ada.patch(f"{path}/messages/{new_id()}", {"body": "Nowhere."}, expect=404)


async def test_files_that_nobody_sent_cannot_be_attached(desk: Desk) -> None:
    ticket, ada = await desk.ticket(), await desk.agent("ada")
    path = f"/v1/tickets/{ticket['id']}"
    for route in ("replies", "notes"):
        answer = await ada.post(f"{path}/{route}", {"body": "See file.", "attachments": [str(new_id())]}, expect=422)
        assert answer["errors"][0]["pointer"] == "/attachments/0"
    assert await replies(ada, path) == []
