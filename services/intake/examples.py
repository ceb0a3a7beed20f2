"""One story that the examples of the API tell, so that the document reads as a whole."""

from typing import Any, Final

Json = dict[str, Any]

TICKET_ID: Final = "01a2091e-28d4-7cf0-8b1a-8bdbf7a6b0f1"
REQUESTER: Final[Json] = {"email": "dana@bank.example", "name": "Dana Ruiz", "phone": "555 1234567 X12"}
SUBMISSION: Final[Json] = {
    "requester": REQUESTER,
    "subject": "Online banking system down",
    "body": "Log-in answers 502 since nine o'clock.",
    "body_format": "text",
    "topic": "online-banking",
    "priority": "high",
    "fields": {"branch": "Harbour Street", "affected_users": 40},
}
SUBMITTED: Final[Json] = {
    "id": TICKET_ID,
    "number": "100001",
    "status": "new",
    "subject": "Online banking system down",
    "topic": "online-banking",
    "priority": "high",
    "requester": REQUESTER,
    "created_at": "2026-11-24T09:04:11.250913Z",
    "access_url": "https://help.bank.example/t/WyIwMWEyMDkxZSJd.aSQ1Gw.Yk3VQ0",
}
TICKET: Final[Json] = {
    **{name: value for name, value in SUBMITTED.items() if name != "access_url"},
    "status": "open",
    "updated_at": "2026-11-24T09:06:40.118204Z",
    "resolved_at": None,
    "closed_at": None,
    "is_archived": False,
    "channel": "api",
    "fields": SUBMISSION["fields"],
    "cc": [],
    "merged_into": None,
    "follows": None,
    "followed_by": [],
    "revision": 2,
}
MESSAGE: Final[Json] = {
    "id": "01a20921-9a51-7f3e-9d55-0f4be3a0c7d2",
    "author": "agent",
    "author_name": "Ada",
    "body": "We are on it: the gateway is being restarted.",
    "body_format": "text",
    "channel": "api",
    "received_at": "2026-11-24T09:11:02.730511Z",
    "is_automatic": False,
    "quoted": "",
    "follow_up_id": None,
    "attachments": [],
}
UPLOADED: Final[Json] = {
    "id": "01a20920-11c2-7a4e-b0a8-9f1d2b3c4d5e",
    "name": "trace.txt",
    "media_type": "text/plain",
    "size": 14,
    "sha256": "30aef3e17a8a1e3a5bdbc7cbe1e4ff2fa5d8f1b0dbf1d3d3ab8e41a1e6a7b0c9",
    "state": "unscanned",
    "expires_at": "2026-11-25T09:03:58.104233Z",
}
ATTACHMENT: Final[Json] = {
    **{name: UPLOADED[name] for name in ("id", "name", "media_type", "size", "state")},
    "is_inline": False,
    "field": None,
    "url": f"/v1/tickets/{TICKET_ID}/attachments/01a20920-11c2-7a4e-b0a8-9f1d2b3c4d5e",
}
TOPIC: Final[Json] = {
    "id": "2f9cb7ff-3a4e-5c33-9d5e-7f5a1f1a2b10",
    "slug": "online-banking",
    "name": "Online banking",
    "description": "Payments, transfers, cards and the banking app",
}
