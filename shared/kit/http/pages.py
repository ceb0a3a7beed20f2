"""Server-rendered pages: templates that escape by default, forms with a token, bodies made safe to show."""

import json
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import datetime
from functools import lru_cache, partial
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import UUID

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from shared.contracts.vocabulary import BodyFormat
from shared.kit.http.compiled_templates import CompiledTemplates
from shared.kit.http.cookies import cookie_name
from shared.kit.http.form_tokens import form_tokens_of
from shared.kit.http.path_prefix import with_prefix
from shared.kit.http.static_files import HashedFiles
from shared.kit.i18n import templates as translated_templates
from shared.kit.i18n.formats import format_instant
from shared.kit.i18n.languages import current_language
from shared.kit.i18n.messages import script_messages
from shared.kit.user_content.rendering import rendered, with_attachment_urls

WEB = Path(__file__).parent.parent / "web"
COMPILED_BY = (Path(__file__), Path(translated_templates.__file__))
"""Where it is said how templates are compiled."""
_FORM_TOKEN: ContextVar[str] = ContextVar("form_token", default="")
"""Of the page that is being rendered: macros that need nothing else of it are then the same for all pages."""
NO_PICTURES: Mapping[UUID, str] = MappingProxyType({})


@lru_cache(maxsize=256)
def _prose(body: str, body_format: BodyFormat) -> str:
    return rendered(body, body_format).html


def as_html(body: str, body_format: BodyFormat | str, pictures: Mapping[UUID, str] = NO_PICTURES) -> Markup:
    """Our own prose as safe HTML, rendered once: announcements, thanks, descriptions.

    It renders where it is called; what others wrote goes through `shared.kit.user_content.renderer`.
    """
    return with_attachment_urls(_prose(body, BodyFormat(body_format)), pictures)


def timestamp(at: datetime | None) -> Markup:
    """An instant as a `<time>` element, in UTC; the page's script shows it in the reader's zone."""
    if at is None:
        return Markup("")
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(), format_instant(at))


@lru_cache
def script_texts(tag: str, service: str) -> Markup:
    """Returns the translations for a page's scripts as the value of an attribute: it is the same in every page."""
    texts = script_messages(tag, service)
    return escape(json.dumps(texts, ensure_ascii=False, separators=(",", ":"))) if texts else Markup("")


class Pages:
    """A service's templates, over the shared base layout in `shared/kit/web`."""

    def __init__(self, package: Path, *, secure_cookies: bool, prefix: str = "", **values: Any) -> None:
        """`prefix` is the path of the host under which the pages are, `values` what every template may use."""
        self._secure = secure_cookies
        self._prefix = prefix
        self._environment = Environment(
            loader=FileSystemLoader([package / "templates", WEB / "templates"]),
            autoescape=select_autoescape(default=True, default_for_string=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            bytecode_cache=CompiledTemplates(package / "templates", *COMPILED_BY),
        )
        translated_templates.install_translations(self._environment)
        translated_templates.add_filters(self._environment, as_html=as_html, timestamp=timestamp)
        self._environment.globals.update(values, script_texts=partial(script_texts, service=package.name))
        self._package = package
        self._shared = HashedFiles(WEB / "static")
        self._own = HashedFiles(own) if (own := package / "static").is_dir() else None
        self._environment.globals.update(asset=self.asset, form_token=_FORM_TOKEN.get, path_prefix=prefix)

    def mount(self, app: FastAPI) -> None:
        """Serves the shared and the service's own static files; the application knows its pages as `state.pages`."""
        app.state.pages = self
        app.mount(f"/static/shared-{self._shared.digest}", self._shared, name="hashed-shared-static")
        app.mount("/static/shared", StaticFiles(directory=WEB / "static"), name="shared-static")
        if self._own is not None:
            app.mount(f"/static/own-{self._own.digest}", self._own, name="hashed-static")
            app.mount("/static", StaticFiles(directory=self._package / "static"), name="static")

    def asset(self, path: str) -> str:
        """The address of a static file, `shared/…` or the service's own, which changes with the content."""
        if path.startswith("shared/"):
            return f"/static/shared-{self._shared.digest}/{path.removeprefix('shared/')}"
        return f"/static/own-{self._own.digest}/{path}" if self._own else f"/static/{path}"

    def render(self, request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """A page; every page can hold a form, so every page carries the form token."""
        tokens = form_tokens_of(request)
        known = tokens.find(request)
        token = known or tokens.make(request)
        before = _FORM_TOKEN.set(token)
        try:
            page = self._environment.get_template(template).render(request=request, csrf_token=token, **values)
        finally:
            _FORM_TOKEN.reset(before)
        headers = {"Cache-Control": "no-store", "Content-Language": current_language().tag}
        response = HTMLResponse(with_prefix(page, self._prefix), status, headers=headers)
        if known is None:
            self.set_cookie(response, tokens.cookie, token)
        return response

    def text(self, template: str, **values: Any) -> str:
        """A page that is no answer to a request, such as one in an archive."""
        return self._environment.get_template(template).render(**values)

    def compile_all(self) -> None:
        """Compiles every page now, where what it is compiled to can be kept for later starts."""
        for name in self._environment.list_templates(extensions=["html"]):
            self._environment.get_template(name)

    def set_cookie(self, response: Response, name: str, value: str, max_age: int | None = None) -> None:
        """A cookie scripts cannot read and other sites cannot send."""
        response.set_cookie(
            self.cookie_name(name),
            value,
            max_age=max_age,
            httponly=True,
            samesite="lax",
            secure=self._secure,
            path="/",
        )

    def cookie_name(self, name: str) -> str:
        """What the browser calls a cookie of ours."""
        return cookie_name(name, secure=self._secure)

    def cookie(self, request: Request, name: str) -> str | None:
        """A cookie of ours that the browser sent."""
        return request.cookies.get(self.cookie_name(name))

    def delete_cookie(self, response: Response, name: str) -> None:
        """Has the browser forget a cookie of ours."""
        response.delete_cookie(self.cookie_name(name), path="/", httponly=True, samesite="lax", secure=self._secure)
