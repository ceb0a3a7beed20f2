"""The intake API as asynchronous methods."""

import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Self, TypeVar
from uuid import UUID

import httpx2

from services.intake.client.models import (
    Attachment,
    BodyFormat,
    CloseReason,
    Message,
    NewTicket,
    ResponseModel,
    SubmittedTicket,
    Ticket,
    TimelineEvent,
    Topic,
)
from services.intake.client.retry import RetryingClient, RetryPolicy, new_key
from services.intake.client.streams import timeline_events
from services.intake.client.uploads import Source, Upload

Item = TypeVar("Item", bound=ResponseModel)
TICKETS = "/v1/tickets"
PAGE = 100


class IntakeClient:
    """One client program's way in. Use it as a context manager, or call `aclose`.

    Every method raises Refused (see its subclasses) where the service says no, and Unreachable where it does not
    answer. Every change carries an idempotency key and is asked again for as long as `patience` lasts; pass a key of
    your own to make it safe across restarts of your program too.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        timeout: float = 30.0,
        patience: RetryPolicy | None = None,
        connections: int = 20,
        transport: httpx2.AsyncBaseTransport | None = None,
        verify: ssl.SSLContext | bool = True,
    ) -> None:
        """`timeout` is of one attempt, in seconds; `verify` says whose certificates are believed."""
        http = httpx2.AsyncClient(
            base_url=base_url,
            headers={"Authorization": f"Bearer {api_key}", "User-Agent": "everdesk-intake-client"},
            timeout=httpx2.Timeout(timeout, connect=min(timeout, 5.0)),
            limits=httpx2.Limits(max_connections=connections, max_keepalive_connections=connections),
            transport=transport,
            trust_env=False,
            verify=verify,
        )
        self._asker = RetryingClient(http, patience or RetryPolicy())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_ended: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._asker.http.aclose()

    async def submit(self, ticket: NewTicket, *, idempotency_key: str | None = None) -> SubmittedTicket:
        """Asks for help. Once this returns, the request is safe."""
        asked = ticket.model_dump(mode="json", exclude_defaults=True)
        return SubmittedTicket.model_validate_json(await self._post(TICKETS, asked, idempotency_key))

    async def get_ticket(self, ticket_id: UUID | str) -> Ticket:
        """A ticket as it stands now."""
        return Ticket.model_validate_json((await self._asker.ask("GET", f"{TICKETS}/{ticket_id}")).content)

    def list_tickets(
        self,
        *,
        status: str | None = None,
        requester: str | None = None,
        topic: str | None = None,
        channel: str | None = None,
        number: str | None = None,
        created_from: datetime | None = None,
        created_to: datetime | None = None,
        updated_from: datetime | None = None,
    ) -> AsyncIterator[Ticket]:
        """The tickets this key created, newest first; further pages are fetched as they are needed."""
        query = {
            "status": status,
            "requester": requester,
            "topic": topic,
            "channel": channel,
            "number": number,
            "created_from": created_from.isoformat() if created_from else None,
            "created_to": created_to.isoformat() if created_to else None,
            "updated_from": updated_from.isoformat() if updated_from else None,
        }
        return self._all(TICKETS, Ticket, {name: value for name, value in query.items() if value is not None})

    def list_messages(self, ticket_id: UUID | str) -> AsyncIterator[Message]:
        """The conversation, oldest first."""
        return self._all(f"{TICKETS}/{ticket_id}/messages", Message, {})

    async def post_message(
        self,
        ticket_id: UUID | str,
        body: str,
        *,
        body_format: BodyFormat = "text",
        attachments: Sequence[UUID] = (),
        idempotency_key: str | None = None,
    ) -> Message:
        """Writes again as the requester: a solved ticket is taken up again, an archived one gets a follow-up."""
        asked: dict[str, Any] = {"body": body, "body_format": body_format}
        if attachments:
            asked["attachments"] = [str(one) for one in attachments]
        return Message.model_validate_json(await self._post(f"{TICKETS}/{ticket_id}/messages", asked, idempotency_key))

    async def close_ticket(
        self,
        ticket_id: UUID | str,
        *,
        reason: CloseReason = "withdrawn",
        if_revision: int | None = None,
        idempotency_key: str | None = None,
    ) -> Ticket:
        """Help is no longer needed. Raises Changed if the ticket is not at `if_revision` any more."""
        path = f"{TICKETS}/{ticket_id}/close"
        return Ticket.model_validate_json(await self._post(path, {"reason": reason}, idempotency_key, if_revision))

    async def reopen_ticket(
        self, ticket_id: UUID | str, *, if_revision: int | None = None, idempotency_key: str | None = None
    ) -> Ticket:
        """Help is needed after all. Raises Changed if the ticket is not at `if_revision` any more."""
        path = f"{TICKETS}/{ticket_id}/reopen"
        return Ticket.model_validate_json(await self._post(path, {}, idempotency_key, if_revision))

    def list_topics(self) -> AsyncIterator[Topic]:
        """What a request can be about."""
        return self._all("/v1/topics", Topic, None)

    async def upload(
        self,
        source: Source,
        *,
        name: str | None = None,
        media_type: str = "application/octet-stream",
        idempotency_key: str | None = None,
    ) -> Attachment:
        """Sends a file in pieces; a broken attempt is begun anew. Name its id when you submit or post."""
        upload = Upload.of(source, name, media_type)
        headers = {"Idempotency-Key": idempotency_key or new_key()}
        try:
            answer = await self._asker.ask("POST", "/v1/attachments", content=upload.content, headers=headers)
        finally:
            upload.close()
        return Attachment.model_validate_json(answer.content)

    def events(self, ticket_id: UUID | str, *, after: int = 0) -> AsyncIterator[TimelineEvent]:
        """What happens on the ticket, from the first happening after `after` on, as it comes, until it is archived.

        A broken stream is taken up where it broke off.
        """
        return timeline_events(self._asker, f"{TICKETS}/{ticket_id}/events", after)

    async def _post(self, path: str, body: Mapping[str, Any], key: str | None, if_revision: int | None = None) -> bytes:
        headers = {"Idempotency-Key": key or new_key()}
        if if_revision is not None:
            headers["If-Match"] = f'"{if_revision}"'
        return (await self._asker.ask("POST", path, content=lambda: {"json": body}, headers=headers)).content

    async def _all(self, path: str, kind: type[Item], query: Mapping[str, Any] | None) -> AsyncIterator[Item]:
        """Every item of a list; without `query` it is a list of one page."""
        cursor: str | None = None
        while True:
            asked = None if query is None else {**query, "limit": PAGE} | ({"cursor": cursor} if cursor else {})
            page = (await self._asker.ask("GET", path, query=asked)).json()
            for item in page["items"]:
                yield kind.model_validate(item)
            cursor = page["next_cursor"]
            if cursor is None:
                return
