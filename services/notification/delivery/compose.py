"""Composes the mail of a job: text and HTML bodies, threading headers, and headers that prevent mail loops."""

import csv
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from io import StringIO
from itertools import islice
from typing import Any
from uuid import UUID

from markupsafe import Markup, escape

from services.notification.delivery import consolidated_text
from services.notification.delivery.dkim_signature import signer_of
from services.notification.delivery.edited_templates import TemplateEdits
from services.notification.delivery.header import is_message_id, mailbox, message_ids, one_line, token, unstructured
from services.notification.delivery.mime import of_parts, with_attachment
from services.notification.delivery.queue import MailJob
from services.notification.delivery.sender_name import SenderName
from services.notification.delivery.shared_texts import KeptTexts, MailTexts, PersonalLinks
from services.notification.delivery.shipped_templates import ShippedTemplates
from services.notification.delivery.templates import LINKS_ASKED_FOR, TEMPLATES, Template, TemplateName
from services.notification.models.csat import ASKED
from services.notification.settings import NotificationSettings
from shared.contracts.names import REPLY_DELIMITER, REPLY_DELIMITERS
from shared.contracts.vocabulary import BodyFormat
from shared.kit.auth import MailAudience, MailThreads, TicketLink, TicketLinks
from shared.kit.i18n.languages import OfferedLanguages, current_language, use_language
from shared.kit.i18n.messages import gettext
from shared.kit.mail_preferences import PreferenceLink, PreferenceLinks
from shared.kit.one_time_links import AccountLinks, ExportLinks
from shared.kit.satisfaction import SCORES, RatedResolution, RatingLinks
from shared.kit.telemetry import log
from shared.kit.user_content.limits import is_light
from shared.kit.user_content.renderer import BodyRenderer, at_once
from shared.kit.user_content.rendering import Rendered, with_attachment_urls

SUBJECT_LENGTH = 200
AUTHOR_LENGTH = 60
SHOWN_ROWS = 101
"""Of a report's table in the mail itself; the attached file has all."""
WRITTEN_BY_AGENTS = frozenset({TemplateName.REPLY, TemplateName.SIDE_MESSAGE})
"""Mails whose sender is shown by name."""
BY_CHOICE = frozenset(
    {
        TemplateName.REMINDER,
        TemplateName.MERGED,
        TemplateName.RESOLVED,
        TemplateName.RESOLVED_UNANSWERED,
        TemplateName.PARTICIPANT_JOINED,
    }
)
"""Mails to requesters that they can do without, the question of how satisfied they are among them."""
PREFERENCES = "/account/notifications"
"""Where agents choose what they are told of."""


class Composer:
    """Composes mails from the templates in `templates/`, or from those that administrators edited."""

    def __init__(
        self, settings: NotificationSettings, edited: TemplateEdits | None = None, name: SenderName | None = None
    ) -> None:
        self._edited = edited
        self._languages = OfferedLanguages(settings.offered_languages, settings.default_language)
        self._sender, self._address = name or SenderName(settings), settings.mail_address
        self._links = TicketLinks(settings)
        self._exports = ExportLinks(settings)
        self._accounts = AccountLinks(settings)
        self._ratings = RatingLinks(settings)
        self._preference_url = lru_cache(maxsize=1024)(PreferenceLinks(settings).url)
        self._threads = MailThreads(settings, settings.mail_domain)
        self._thread_id = lru_cache(maxsize=256)(self._threads.thread_id)
        self._signer = signer_of(settings)
        self._desk = settings.desk_url.rstrip("/")
        self._shipped = ShippedTemplates()
        self._kept = KeptTexts()

    def compose(self, job: MailJob, words: Rendered | None = None) -> bytes:
        """Returns the mail as ASCII bytes; the same job gives the same bytes.

        `words` is the quoted message body, already rendered. Raises ValueError for an invalid address.
        """
        template = TEMPLATES[job.template]
        words = words or foreign_words(job)
        tag = job.language.requester if template.audience in ("requester", "guest") else job.language.agent
        with use_language(self._languages.of(tag)):
            return self._written(job, template, words)

    def _written(self, job: MailJob, template: Template, words: Rendered) -> bytes:
        is_requester = template.audience == "requester"
        links = PersonalLinks(self._link(job, template), self._preferences_url(job) if is_requester else "")
        texts = self._edited_texts(job, template, words, links) or self._shipped_texts(job, template, words, links)
        content = of_parts(*texts.parts(links), job.message_id)
        if template.name is TemplateName.SCHEDULED_REPORT:
            content = with_attachment(content, job.facts["file"], job.facts["csv"], job.message_id)
        mail = (self._head(job, template, texts.subject) + content).encode("ascii")
        return self._signer.signed(mail) if self._signer else mail

    def _edited_texts(
        self, job: MailJob, template: Template, words: Rendered, links: PersonalLinks
    ) -> MailTexts | None:
        """Renders an edited template; None where there is none, or where it fails: nobody goes without a mail."""
        edited = self._edited.find(template.name, current_language().tag) if self._edited else None
        if edited is None:
            return None
        try:
            return MailTexts(*edited.render(self._values(job, template, words, links)))
        except Exception as error:  # noqa: BLE001 - whatever an edited template does wrong, the shipped one is sent
            log.warning("mail.edited_template_failed", template=template.name, error=type(error).__name__)
            return None

    def _shipped_texts(self, job: MailJob, template: Template, words: Rendered, links: PersonalLinks) -> MailTexts:
        """Renders a shipped template, once for all recipients to whom it says the same."""
        name, marked = template.name, links.marked
        told = (job.ticket_id, job.number, job.subject, job.facts, job.name if name in self._shipped.greeting else "")
        made_of = (*told, words, marked, current_language().tag, self._sender.text)

        def render() -> MailTexts:
            return MailTexts(*self._shipped.render(name, self._values(job, template, words, marked)))

        return render() if template.audience == "account" else self._kept.get((job.cause, name), made_of, render)

    def _head(self, job: MailJob, template: Template, subject: str) -> str:
        answered, references = self._thread(job, template)
        desk, own = one_line(self._sender.text), self._address
        fields = [
            mailbox("From", self._sender_name(job), own),
            mailbox("To", job.name, job.address),
            mailbox("Reply-To", desk, own),
            unstructured("Subject", one_line(subject)[:SUBJECT_LENGTH]),
            token("Content-Language", current_language().tag),
            token("Date", _date(job.created_at)),
            message_ids("Message-ID", [job.message_id]),
        ]
        if answered:
            fields += [message_ids("In-Reply-To", [answered]), message_ids("References", references)]
        fields.append(token("X-Auto-Response-Suppress", "All"))
        if template.audience not in ("account", "third_party"):
            fields.append(unstructured("X-Everdesk-Ticket", job.number))
        if template.auto_submitted != "no":
            fields.append(token("Auto-Submitted", template.auto_submitted))
        if template.audience == "agent" or template.name is TemplateName.DIGEST:
            fields.append(token("List-Unsubscribe", f"<{self._desk}{PREFERENCES}>"))
        if (job.is_copy and template.name not in LINKS_ASKED_FOR) or template.name in BY_CHOICE:
            fields.append(token("List-Unsubscribe", f"<{self._preferences_url(job)}>"))
            fields.append(token("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
        return "".join(fields)

    def _preferences_url(self, job: MailJob) -> str:
        """Returns where the recipient chooses their mails, and unsubscribes with one click (RFC 8058)."""
        return self._preference_url(PreferenceLink(job.ticket_id, job.address, is_copy=job.is_copy))

    def _thread(self, job: MailJob, template: Template) -> tuple[str, list[str]]:
        """Returns In-Reply-To and References, oldest first.

        The thread's signed id is among them, so that an answer names its ticket whatever its mail client drops. Only
        members of the conversation get the other ids.
        """
        if template.audience == "account":
            return "", []
        if template.audience == "third_party":
            return self._side_thread(job)
        signed = self._thread_id(job.ticket_id)
        if template.audience != "requester":
            return signed, [signed]
        root, theirs = (one if one and is_message_id(one) else None for one in (job.thread.root, job.thread.theirs))
        answered = theirs or signed
        earlier = (one for one in (root, signed, job.thread.ours) if one and one != answered)
        return answered, [*dict.fromkeys(earlier), answered]

    def _side_thread(self, job: MailJob) -> tuple[str, list[str]]:
        """Returns the same for a mail to a third party: only ids of that conversation, none that names the ticket."""
        ours = [
            self._threads.message_id(job.ticket_id, UUID(one), MailAudience.THIRD_PARTY, job.address)
            for one in job.facts.get("earlier", [])
        ]
        theirs = job.facts.get("answers")
        answered = theirs if theirs and is_message_id(theirs) else ours[-1] if ours else ""
        return answered, [*(one for one in ours if one != answered), answered]

    def _sender_name(self, job: MailJob) -> str:
        """Returns the name of the replying agent for a reply, else the name of the help desk."""
        if job.template in WRITTEN_BY_AGENTS and job.facts.get("author"):
            return f"{one_line(str(job.facts['author']))[:AUTHOR_LENGTH].strip()} ({self._sender.text})"
        return self._sender.text

    def _values(self, job: MailJob, template: Template, words: Rendered, links: PersonalLinks) -> dict[str, Any]:
        return {
            "product": self._sender.text,
            "ticket": {"number": job.number, "subject": job.subject},
            "recipient": job.name,
            "facts": job.facts,
            "is_resolved": consolidated_text.is_resolved(job.facts.get("also", [])),
            "audience": template.audience,
            "reply_delimiter": REPLY_DELIMITERS.get(current_language().tag, REPLY_DELIMITER),
            "body_html": words.html,
            "body_text": words.text,
            "link": links.ticket,
            "desk": self._desk,
            "preferences": links.preferences,
            "ratings": self._rating_links(job),
            "table": _table(job),
            "language": current_language(),
        }

    def _rating_links(self, job: MailJob) -> list[tuple[int, str, str]]:
        """Returns score, words and link of each answer, if the mail asks how satisfied its reader is."""
        told = (job.facts, *job.facts.get("also", []))
        asked = next((one[ASKED] for one in told if ASKED in one), None)
        if asked is None:
            return []
        rated = RatedResolution(job.ticket_id, int(asked))
        return [(score, gettext(words), self._ratings.url(rated, score)) for score, words in SCORES.items()]

    def _link(self, job: MailJob, template: Template) -> str:
        """Returns the URL of the ticket: the personal portal link for requesters, the desk's page for agents."""
        if template.name is TemplateName.ACCOUNT_CHANGED:
            return f"{self._desk}/account"
        if template.name is TemplateName.SCHEDULED_REPORT:
            return f"{self._desk}{job.facts['address']}"
        if template.name is TemplateName.DIGEST:
            return f"{self._desk}/inbox"
        if template.audience == "account":
            return self._accounts.url(UUID(job.facts["link_id"]), job.facts["purpose"], job.created_at)
        if template.audience == "third_party":
            return ""
        if template.audience == "agent":
            return f"{self._desk}/tickets/{job.number}"
        if template.name is TemplateName.EXPORT_LINK:
            return self._exports.url(job.address, job.id, job.created_at)
        link = TicketLink(job.ticket_id, job.address, is_mailed=True)
        return self._links.url(link) if template.audience == "requester" else self._links.invitation_url(link)


@lru_cache(maxsize=64)
def _date(at: datetime) -> str:
    """The field's value; mails of one batch of events have the same."""
    return format_datetime(at.astimezone(UTC))


def _table(job: MailJob) -> list[list[str]]:
    """The rows of a report, its head first; of a long one the beginning."""
    return list(islice(csv.reader(StringIO(job.facts.get("csv", ""))), SHOWN_ROWS))


async def read_words(renderer: BodyRenderer, job: MailJob) -> Rendered:
    """Renders the message body that a mail quotes."""
    body, body_format = _body_of(job)
    if is_light(body, body_format):
        return _quoted_to_several(body, body_format)
    return _for_mail(await renderer.show(body, body_format), body, body_format)


def foreign_words(job: MailJob) -> Rendered:
    """Renders the body synchronously; a large body is reduced to its plain text."""
    return quoted_at_once(*_body_of(job))


def quoted_at_once(body: str, body_format: BodyFormat) -> Rendered:
    """Renders a body as mails quote it."""
    return _for_mail(at_once(body, body_format), body, body_format)


@lru_cache(maxsize=64)
def _quoted_to_several(body: str, body_format: BodyFormat) -> Rendered:
    """Renders a light body once for all who are mailed it, one after the other."""
    return quoted_at_once(body, body_format)


def is_risky(job: MailJob) -> bool:
    """Whether the mail quotes a body that must be parsed by libraries first."""
    return not is_light(*_body_of(job))


def _body_of(job: MailJob) -> tuple[str, BodyFormat]:
    return str(job.facts.get("body", "")), BodyFormat(job.facts.get("body_format", BodyFormat.TEXT))


def _for_mail(words: Rendered, body: str, body_format: BodyFormat) -> Rendered:
    """Prepares HTML for mail clients: keeps the line ends of plain text, drops images."""
    if body_format is BodyFormat.TEXT:
        lines = Markup("<br>").join(escape(body).splitlines())
        return Rendered(Markup("<p>{}</p>").format(lines), words.text)
    return Rendered(with_attachment_urls(words.html, {}), words.text)
