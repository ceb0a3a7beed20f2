"""Lines that are logged during a request or while an event is handled say which request, ticket and event it was."""

import structlog
from starlette.types import Message, Receive, Scope, Send

from shared.kit.bus.consumer import _named_in_logs
from shared.kit.http.conventions import Conventions, usual_body_limit
from tests.support.scripted_ticket import ScriptedTicket

TICKET = "01990a4e-3c00-7000-8000-000000000001"


async def logged_during(path: str) -> dict[str, object]:
    """What a line would have that is logged while the path is served."""
    seen: dict[str, object] = {}

    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.update(structlog.contextvars.get_contextvars())

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(_message: Message) -> None:
        return

    scope: Scope = {"type": "http", "method": "GET", "path": path, "headers": [], "client": None}
    await Conventions(app, "t", usual_body_limit)(scope, receive, send)
    assert not {"request_id", "ticket_id"} & structlog.contextvars.get_contextvars().keys()
    return seen


async def test_a_request_names_itself_and_the_ticket_in_its_path() -> None:
    seen = await logged_during(f"/v1/tickets/{TICKET}/messages")
    assert (seen["ticket_id"], "request_id" in seen) == (TICKET, True)
    for path in ("/v1/tickets", "/v1/tickets/dana@bank.example", f"/v1/tickets/{TICKET}0"):
        assert "ticket_id" not in await logged_during(path)


def test_an_event_that_is_handled_alone_is_named() -> None:
    first, second = ScriptedTicket().log[:2]
    with _named_in_logs([(None, first)]):  # type: ignore[list-item]  # no message is looked at
        named = structlog.contextvars.get_contextvars()
        assert (named["event_id"], named["ticket_id"]) == (first.id, first.data["ticket_id"])
    with _named_in_logs([(None, first), (None, second)]):  # type: ignore[list-item]  # as above
        assert "event_id" not in structlog.contextvars.get_contextvars()
