"""The inbox in the browser: plain pages, no script, and foreign HTML locked in a sandboxed frame."""

import re
from pathlib import Path
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import FileResponse, HTMLResponse
from fastapi.templating import Jinja2Templates
from markupsafe import Markup, escape

from deploy.local.mail.query import matching
from deploy.local.mail.store import MailStore

_HERE = Path(__file__).parent
_PAGE_SIZE = 25
_PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; frame-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
# Mail brings its own styles; links open outside, and nothing else may load or run.
_MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; "
    "img-src data:; form-action 'none'; frame-ancestors 'self'"
)
_URL = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;:!?)\]]")


def pages_router(store: MailStore) -> APIRouter:
    router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
    templates = Jinja2Templates(_HERE / "templates")
    templates.env.filters["linked"] = _linked

    def page(request: Request, name: str, **values: object) -> Response:
        headers = {"Content-Security-Policy": _PAGE_POLICY, "Referrer-Policy": "no-referrer"}
        return templates.TemplateResponse(request, name, values, headers=headers)

    @router.get("/")
    def inbox(request: Request, q: str = "", start: int = 0) -> Response:
        start = max(start, 0)
        if q.strip():
            found = list(matching(store.newest_first(), q))
            mails, total = found[start : start + _PAGE_SIZE], len(found)
        else:
            mails, total = store.page(start, _PAGE_SIZE), len(store)
        newer = _link(q, max(start - _PAGE_SIZE, 0)) if start else None
        older = _link(q, start + _PAGE_SIZE) if start + _PAGE_SIZE < total else None
        return page(request, "inbox.html", q=q, mails=mails, total=total, start=start, newer=newer, older=older)

    @router.get("/messages/{mail_id}")
    def message(request: Request, mail_id: str) -> Response:
        mail = store.find(mail_id)
        if mail is None:
            response = page(request, "missing.html")
            response.status_code = 404
            return response
        return page(request, "message.html", mail=mail)

    @router.get("/messages/{mail_id}/html")
    def message_html(mail_id: str) -> Response:
        mail = store.find(mail_id)
        if mail is None:
            raise HTTPException(404, "no such message")
        headers = {"Content-Security-Policy": _MAIL_POLICY, "Referrer-Policy": "no-referrer"}
        return HTMLResponse('<base target="_blank">' + mail.html, headers=headers)

    @router.get("/mail.css")
    def style() -> Response:
        return FileResponse(_HERE / "static" / "mail.css", media_type="text/css")

    return router


def _link(query: str, start: int) -> str:
    return "/?" + urlencode({"q": query, "start": start} if query else {"start": start})


def _linked(text: str) -> Markup:
    """Escaped text in which addresses of pages can be clicked."""
    pieces, end = [], 0
    for match in _URL.finditer(text):
        address = escape(match.group())
        pieces.append(escape(text[end : match.start()]))
        pieces.append(Markup('<a href="{0}" rel="noreferrer">{0}</a>').format(address))
        end = match.end()
    return Markup("").join([*pieces, escape(text[end:])])
