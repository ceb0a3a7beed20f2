"""What the page "who was told" says of a mail about which a report came."""

from typing import Any

import pytest

from services.assignment.web.who_was_told import row_of
from services.notification.address_projection import CAME_BACK, UNPROVED

DELIVERY: dict[str, Any] = {
    "id": "d1",
    "status": "sent",
    "channel": "mail",
    "template": "reply",
    "audience": "requester",
    "recipient": "requester",
    "name": "Ruth Okafor",
    "address": "ruth@bank.example",
    "created_at": "2026-11-23T09:00:00Z",
    "sent_at": "2026-11-23T09:00:01Z",
    "read_at": None,
    "attempts": 1,
    "answer": "250 Ok",
    "last_error": None,
    "is_bouncing": False,
}


@pytest.mark.parametrize(
    ("said", "status", "answer"),
    [
        (None, "Delivered", "250 Ok"),
        (f"{CAME_BACK}550 no such user", "Came back", f"{CAME_BACK}550 no such user"),
        (f"{UNPROVED}550 no such user", "Delivered", f"{UNPROVED}550 no such user"),
    ],
)
def test_a_mail_came_back_only_where_that_is_proved(said: str | None, status: str, answer: str) -> None:
    row = row_of(DELIVERY | {"last_error": said})
    assert (row["status"], row["answer"]) == (status, answer)
