"""The part of Mailpit's JSON API that scripts use, so that they work on either sink."""

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Response

from deploy.local.mail.message import Address, Mail, Summary
from deploy.local.mail.query import matching
from deploy.local.mail.store import MailStore

Start = Annotated[int, Query(ge=0)]
Limit = Annotated[int, Query(ge=1, le=1000)]


def api_router(store: MailStore) -> APIRouter:
    router = APIRouter(prefix="/api/v1", tags=["mail"])

    @router.get("/messages")
    def list_messages(start: Start = 0, limit: Limit = 50) -> dict[str, Any]:
        return _listing(store, store.page(start, limit), start, len(store))

    @router.get("/search")
    def search(query: str, start: Start = 0, limit: Limit = 50) -> dict[str, Any]:
        found = list(matching(store.newest_first(), query))
        return _listing(store, found[start : start + limit], start, len(found))

    @router.delete("/messages")
    def delete_all() -> Response:
        store.clear()
        return Response("ok", media_type="text/plain")

    @router.get("/message/{mail_id}")
    def get_message(mail_id: str) -> dict[str, Any]:
        return _detail(_get(store, mail_id))

    @router.get("/message/{mail_id}/headers")
    def get_headers(mail_id: str) -> dict[str, list[str]]:
        headers: dict[str, list[str]] = {}
        for name, value in _get(store, mail_id).headers:
            headers.setdefault(name, []).append(value)
        return headers

    @router.get("/message/{mail_id}/raw")
    def get_raw(mail_id: str) -> Response:
        raw = store.find_raw(mail_id)
        if raw is None:
            raise HTTPException(404, "no such message")
        return Response(raw, media_type="text/plain; charset=utf-8")

    return router


def _get(store: MailStore, mail_id: str) -> Mail:
    mail = store.find(mail_id)
    if mail is None:
        raise HTTPException(404, "no such message")
    return mail


def _listing(store: MailStore, page: list[Summary], start: int, matches: int) -> dict[str, Any]:
    return {
        "total": len(store),
        "unread": store.unread,
        "count": len(page),
        "messages_count": matches,
        "start": start,
        "messages": [_row(summary) | {"Snippet": summary.snippet} for summary in page],
    }


def _row(summary: Summary) -> dict[str, Any]:
    return {
        "ID": summary.id,
        "MessageID": summary.message_id,
        "From": _address(summary.sender),
        "To": [_address(one) for one in summary.to],
        "Cc": [_address(one) for one in summary.cc],
        "Subject": summary.subject,
        "Created": summary.created.isoformat().replace("+00:00", "Z"),
        "Size": summary.size,
    }


def _detail(mail: Mail) -> dict[str, Any]:
    row = _row(mail.summary)
    return row | {
        "Snippet": mail.summary.snippet,
        "Date": row["Created"],
        "Text": mail.text,
        "HTML": mail.html,
        "Attachments": [{"FileName": name} for name in mail.attachments],
    }


def _address(address: Address) -> dict[str, str]:
    return {"Name": address.name, "Address": address.address}
