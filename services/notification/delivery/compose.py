"""A job from the ledger as a mail: both bodies, and headers that thread, never loop and cannot be forged."""

import unicodedata
from datetime import UTC, datetime
from email.headerregistry import Address, BaseHeader, HeaderRegistry, MessageIDHeader
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Any, cast

import css_inline
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from services.notification.delivery.catalogue import TEMPLATES, Template, TemplateName
from services.notification.delivery.queue import Job
from services.notification.settings import NotificationSettings
from shared.contracts.names import REPLY_DELIMITER
from shared.contracts.vocabulary import BodyFormat
from shared.kit.auth import MailThreads, TicketLink, TicketLinks
from shared.kit.http.pages import as_html, as_text

TEMPLATE_FOLDER = Path(__file__).parent.parent / "templates"
SUBJECT_LENGTH = 200
_headers = HeaderRegistry()
for _name in ("in-reply-to", "references"):
    _headers.map_to_type(_name, cast(type[BaseHeader], MessageIDHeader))
POLICY = SMTP.clone(header_factory=_headers)
"""Ids stay whole: taken for text, a long one would be encoded, and no mail client would know it again."""
METRICS = {"first_response": "First response", "next_response": "Next response", "resolution": "Resolution"}


class Composer:
    """Writes mails from the templates in `templates/`."""

    def __init__(self, settings: NotificationSettings) -> None:
        self._settings = settings
        self._links = TicketLinks(settings)
        self._threads = MailThreads(settings, settings.mail_domain)
        self._desk = settings.desk_url.rstrip("/")
        self._environment = Environment(
            loader=FileSystemLoader(TEMPLATE_FOLDER),
            autoescape=select_autoescape(["html"], default_for_string=False),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.filters.update(
            metric=METRICS.__getitem__, instant=in_words, as_html=body_html, as_text=as_text
        )
        self._subjects = {name: self._environment.from_string(template.subject) for name, template in TEMPLATES.items()}
        self._inliner = css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)

    def compose(self, job: Job) -> EmailMessage:
        """The mail; the same job gives the same Message-ID and headers each time."""
        template = TEMPLATES[job.template]
        values = self._values(job, template)
        message = EmailMessage(policy=POLICY)
        self._head(message, job, template, one_line(self._subjects[template.name].render(values)))
        message.set_content(self._environment.get_template(f"{template.name}.txt").render(values))
        html = self._environment.get_template(f"{template.name}.html").render(values)
        message.add_alternative(self._inliner.inline(html), subtype="html")
        return message

    def _head(self, message: EmailMessage, job: Job, template: Template, subject: str) -> None:
        thread = self._threads.thread_id(job.ticket_id)
        message["From"] = _address(self._sender_name(job), self._settings.mail_address)
        message["To"] = _address(job.name, job.address)
        message["Reply-To"] = _address(self._settings.mail_name, self._settings.mail_address)
        message["Subject"] = subject[:SUBJECT_LENGTH]
        message["Date"] = format_datetime(job.created_at.astimezone(UTC))
        message["Message-ID"] = job.message_id
        message["In-Reply-To"] = thread
        message["References"] = thread
        if template.auto_submitted != "no":
            message["Auto-Submitted"] = template.auto_submitted
        message["X-Auto-Response-Suppress"] = "All"
        message["X-Everdesk-Ticket"] = job.number

    def _sender_name(self, job: Job) -> str:
        """A reply comes from a person; everything else from the desk."""
        if job.template is TemplateName.REPLY and job.facts.get("author"):
            return f"{job.facts['author']} ({self._settings.mail_name})"
        return self._settings.mail_name

    def _values(self, job: Job, template: Template) -> dict[str, Any]:
        return {
            "product": self._settings.mail_name,
            "ticket": {"number": job.number, "subject": job.subject},
            "recipient": job.name,
            "facts": job.facts,
            "audience": template.audience,
            "reply_delimiter": REPLY_DELIMITER,
            "link": self._link(job, template),
        }

    def _link(self, job: Job, template: Template) -> str:
        """Where the reader goes on: outside, a link that is theirs alone."""
        if template.audience == "agent":
            return f"{self._desk}/tickets/{job.number}"
        link = TicketLink(job.ticket_id, job.address, is_mailed=True)
        return self._links.url(link) if template.audience == "requester" else self._links.invitation_url(link)


def one_line(text: str) -> str:
    """Text fit for a header: no line ends, no control characters, no way to begin another header."""
    kept = "".join(" " if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") else char for char in text)
    return " ".join(kept.split())


def in_words(at: str) -> str:
    """An instant as mails say it."""
    return f"{datetime.fromisoformat(at).astimezone(UTC):%d %B %Y, %H:%M} UTC"


def body_html(body: str, body_format: str) -> Markup:
    """A message as safe HTML; plain text keeps its line ends in every mail client."""
    if BodyFormat(body_format) is BodyFormat.TEXT:
        return Markup("<p>{}</p>").format(Markup("<br>").join(escape(body).splitlines()))
    return as_html(body, body_format)


def _address(name: str, address: str) -> Address:
    return Address(display_name=one_line(name)[:100], addr_spec=address)
