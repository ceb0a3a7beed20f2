"""What the search field finds: words of the thread and of notes, phrases, exclusions, tokens; and what it refuses."""

from collections.abc import Sequence

import pytest

from services.assignment.queries.ticket_lists import reading
from shared.contracts.events import TicketErased
from shared.kit.clock import new_id, utc_now
from tests.services.assignment.desk import Desk, Json
from tests.services.assignment.permissions.test_permissions import make
from tests.support.eventually import eventually


@pytest.fixture(scope="module")
def mark() -> str:
    """A word that only this module's tickets bear; letters alone, as words are."""
    return "q" + "".join(chr(ord("a") + int(digit, 16)) for digit in new_id().hex[-10:])


@pytest.fixture(scope="module")
async def refund(desk: Desk, mark: str) -> Json:
    """A ticket whose thread and notes say more than its subject."""
    ticket = await desk.ticket(
        "online-banking", subject=f"Refunnd of a card payment {mark}", body="The kiosk swallowed it."
    )
    ada = await desk.agent("ada")
    await ada.post(f"/v1/tickets/{ticket['id']}/notes", {"body": "Compare with the <b>ledger</b> of Wednesday morning"})
    await ada.post(f"/v1/tickets/{ticket['id']}/tags", {"add": ["vip-desk"]})
    await ada.post(f"/v1/tickets/{ticket['id']}/prioritise", {"priority": "urgent"})
    return await desk.seen(ticket["id"], priority="urgent")


@pytest.fixture(scope="module")
async def other(desk: Desk, mark: str) -> Json:
    """One that bears the mark and nothing else of it."""
    return await desk.ticket("online-banking", subject=f"Statement {mark}", body="The statement is late.")


async def found(desk: Desk, text: str, who: str = "ada") -> Sequence[str]:
    page = await (await desk.agent(who)).get("/v1/tickets", q=text, view="all")
    return [] if page["is_similar"] else [item["id"] for item in page["items"]]


FOUND = (
    "kiosk",
    "ledger",
    '"swallowed it"',
    '"Wednesday morning"',
    "swallow*",
    "-late",
    "card kiosk ledger",
    "vip-desk",
    "tag:vip-desk",
    "is:open -tag:nothing",
    "priority:urgent",
    "-priority:low",
    "from:dana@bank",
    "is:open priority:urgent tag:vip-desk from:dana",
    "due:<9w",
    "-is:closed",
    "channel:api",
)
NOT_FOUND = (
    '"it swallowed"',
    "-kiosk",
    "swallow",
    "is:closed",
    "priority:low",
    "-tag:vip-desk",
    "from:nobody",
    "due:none",
)


@pytest.mark.parametrize("text", FOUND)
async def test_it_finds(desk: Desk, refund: Json, other: Json, mark: str, text: str) -> None:
    assert await found(desk, f"{mark} {text}") in (
        [refund["id"]],
        [refund["id"], other["id"]],
        [other["id"], refund["id"]],
    )


@pytest.mark.parametrize("text", NOT_FOUND)
async def test_it_does_not_find(desk: Desk, refund: Json, mark: str, text: str) -> None:
    assert refund["id"] not in await found(desk, f"{mark} {text}")


async def test_a_misspelt_subject_is_found_and_said_to_be_only_like_it(desk: Desk, refund: Json, mark: str) -> None:
    page = await (await desk.agent("ada")).get("/v1/tickets", q=f"{mark[:4]}x{mark[5:]} Refund", view="all")
    assert page["is_similar"]
    assert refund["id"] in [item["id"] for item in page["items"]]


@pytest.mark.parametrize(
    ("text", "position", "says"),
    [
        ("refund is:opne", 7, "known: new, open"),
        ("team:paymets", 0, "no such team"),
        ("a assignee:nobody@nowhere.example", 2, "no such agent"),
        ("priority:hot", 0, "low, normal, high, urgent"),
        ("stats:open", 0, "did you mean `status:`"),
        ("tag:", 0, "after the colon"),
        ("due:soon", 0, "due:<2h"),
    ],
)
async def test_a_token_that_means_nothing_is_named(desk: Desk, text: str, position: int, says: str) -> None:
    problem = await (await desk.agent("ada")).get("/v1/tickets", expect=422, q=text)
    assert problem["code"] == "invalid_search"
    assert says in problem["detail"]
    assert problem["errors"][0]["position"] == str(position)
    assert problem["errors"][0]["pointer"] == "query:q"


@pytest.mark.parametrize(
    "text", ['"', "'", "*", "-", "a'b*", "\\", "%", "(", "&|!", ":*", "a:b*", "<->", "x" * 250, "é*"]
)
async def test_whatever_is_typed_is_no_error_of_ours(desk: Desk, text: str) -> None:
    answer = await (await desk.agent("ada")).send("GET", "/v1/tickets", params={"q": text})
    assert answer.status_code in (200, 422), answer.text


async def test_a_search_reveals_nothing_of_tickets_out_of_sight(desk: Desk, refund: Json, mark: str) -> None:
    someone = await make(desk, "teams", ["ticket.view"], "service-desk")
    for text in (mark, "ledger", "kiosk", refund["number"], "vip-desk"):
        page = await someone.api.get("/v1/tickets", q=text, view="all", limit=200)
        assert refund["id"] not in [item["id"] for item in page["items"]], text


async def test_pages_lead_forward_and_back_in_every_order(desk: Desk, refund: Json, other: Json) -> None:
    ada = await desk.agent("ada")
    for sort in ("due_at", "-due_at", "-updated_at", "created_at", "-priority", "priority"):
        first = await ada.get("/v1/tickets", view="all", sort=sort, limit=1)
        second = await ada.get("/v1/tickets", view="all", sort=sort, limit=1, cursor=first["next_cursor"])
        back = await ada.get("/v1/tickets", view="all", sort=sort, limit=1, cursor=second["previous_cursor"])
        assert (first["previous_cursor"], back["previous_cursor"]) == (None, None), sort
        assert [one["id"] for one in back["items"]] == [one["id"] for one in first["items"]], sort
        assert back["next_cursor"] == first["next_cursor"], sort


async def test_what_was_erased_is_not_found(desk: Desk, mark: str) -> None:
    word = mark + "erased"
    ticket = await desk.ticket("general", subject=word, body=f"only {word} here")
    assert await found(desk, word) == [ticket["id"]]
    now = utc_now()
    await desk.publish(TicketErased(ticket_id=ticket["id"], erased_at=now).envelope(f"erased:{ticket['id']}", now))

    async def gone() -> None:
        assert await found(desk, word) == []

    await eventually(gone)


async def test_a_rare_word_is_found_though_the_planner_expects_thousands(
    desk: Desk, refund: Json, other: Json, mark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def as_of_a_million(*_: object) -> float:
        return reading.TAKEN_FROM_INDEX + 1_000.0

    monkeypatch.setattr(reading, "_expected", as_of_a_million)
    monkeypatch.setattr(reading, "UNKNOWN", 1e9)
    monkeypatch.setattr(reading, "SEARCHED", 1)
    assert sorted(await found(desk, mark)) == sorted([refund["id"], other["id"]])
