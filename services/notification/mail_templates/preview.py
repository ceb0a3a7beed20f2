"""Shows an edited template with a real ticket; no personal link of anybody is made for it."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row, select

from services.notification.delivery.compose import quoted_at_once
from services.notification.delivery.templates import TEMPLATES, TemplateName
from services.notification.mail_templates.content import TemplateContent, sample_facts
from services.notification.mail_templates.rendering import compile_content
from services.notification.mail_templates.schemas import TemplatePreviewView
from services.notification.models import Ticket
from services.notification.settings import NotificationSettings
from shared.contracts.names import REPLY_DELIMITER, REPLY_DELIMITERS
from shared.contracts.vocabulary import BodyFormat
from shared.kit.db import Session
from shared.kit.http.problems import Problem, invalid
from shared.kit.i18n.languages import LANGUAGES, use_language


async def preview(
    session: Session,
    sender: tuple[NotificationSettings, str],
    place: tuple[TemplateName, str],
    content: TemplateContent,
    ticket_id: UUID | None,
) -> TemplatePreviewView:
    """Returns the mail for a ticket; `sender` has the settings and what mails call the help desk.

    Raises Problem 422 for an unknown ticket, or if rendering fails.
    """
    name, tag = place
    ticket = await _ticket(session, ticket_id)
    language = LANGUAGES[tag]
    with use_language(language):
        try:
            subject, text, html = compile_content(name, content).render(_values(sender, name, ticket, tag))
        except Exception as error:
            raise Problem(422, "invalid_template", f"the template cannot be rendered: {error}"[:500]) from error
    return TemplatePreviewView(subject=subject, html=html, text=text, ticket_number=ticket.number or "")


async def _ticket(session: Session, ticket_id: UUID | None) -> Row[*tuple[Any, ...]]:
    query = select(Ticket.number, Ticket.subject, Ticket.requester_name)
    wanted = Ticket.id == ticket_id if ticket_id else Ticket.number.is_not(None) & (Ticket.number != "")
    query = query.where(wanted, Ticket.erased_at.is_(None))
    row = (await session.execute(query.order_by(Ticket.id.desc()).limit(1))).one_or_none()
    if row is None:
        raise invalid("/ticket_id", "there is no such ticket")
    return row


def _values(
    sender: tuple[NotificationSettings, str], name: TemplateName, ticket: Row[*tuple[Any, ...]], tag: str
) -> dict[str, Any]:
    settings, product = sender
    facts = sample_facts(name)
    body = quoted_at_once(facts["body"], BodyFormat.TEXT)
    desk = settings.desk_url.rstrip("/")
    return {
        "product": product,
        "ticket": {"number": ticket.number or "", "subject": ticket.subject or ""},
        "recipient": ticket.requester_name or "",
        "facts": facts,
        "is_resolved": False,
        "audience": TEMPLATES[name].audience,
        "reply_delimiter": REPLY_DELIMITERS.get(tag, REPLY_DELIMITER),
        "link": f"{desk}/tickets/{ticket.number}",
        "desk": desk,
        "preferences": "",
        "ratings": [],
        "table": [],
        "language": LANGUAGES[tag],
        "body_html": body.html,
        "body_text": body.text,
    }
