"""Shows an edited template with a real ticket; no personal link of anybody is made for it.

An administrator of templates need not see every ticket: one that they may not see is never shown to them.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select

from services.notification.delivery.compose import quoted_at_once
from services.notification.delivery.templates import TEMPLATES, TemplateName
from services.notification.mail_templates.content import TemplateContent, sample_facts
from services.notification.mail_templates.rendering import compile_content
from services.notification.mail_templates.schemas import TemplatePreviewView
from services.notification.models import Agent, Ticket
from services.notification.recipients.ticket_visibility import is_in_sight
from services.notification.settings import NotificationSettings
from shared.contracts.names import REPLY_DELIMITER, REPLY_DELIMITERS
from shared.contracts.vocabulary import BodyFormat
from shared.kit.administrator_passes import Administrator
from shared.kit.db import Session
from shared.kit.http.problems import Problem, invalid
from shared.kit.i18n.languages import LANGUAGES, use_language

NEWEST = 200
"""Among so many tickets one is looked for that the administrator may see."""


@dataclass(frozen=True, slots=True)
class PreviewTicket:
    """What a preview shows of a ticket."""

    number: str
    subject: str
    requester_name: str


SAMPLE = PreviewTicket("100042", "Online banking system down", "Dana Ruiz")
"""Shown where there is no ticket that may be shown."""


async def preview(
    session: Session,
    sender: tuple[NotificationSettings, str],
    by: Administrator,
    place: tuple[TemplateName, str],
    content: TemplateContent,
    ticket_id: UUID | None,
) -> TemplatePreviewView:
    """Returns the mail for a ticket, else for the newest that the administrator sees.

    `sender` has the settings and what mails call the help desk. Raises Problem 422 for a ticket that is unknown or not
    theirs to see, or if rendering fails.
    """
    name, tag = place
    ticket = await _ticket(session, by, ticket_id)
    language = LANGUAGES[tag]
    with use_language(language):
        try:
            subject, text, html = compile_content(name, content).render(_values(sender, name, ticket, tag))
        except Exception as error:
            raise Problem(422, "invalid_template", f"the template cannot be rendered: {error}"[:500]) from error
    return TemplatePreviewView(subject=subject, html=html, text=text, ticket_number=ticket.number)


async def _ticket(session: Session, by: Administrator, ticket_id: UUID | None) -> PreviewTicket:
    shown = select(Ticket.id).where(Ticket.erased_at.is_(None), Ticket.number.is_not(None), Ticket.number != "")
    shown = shown.where(Ticket.id == ticket_id) if ticket_id else shown.order_by(Ticket.id.desc()).limit(NEWEST)
    query = select(Ticket.number, Ticket.subject, Ticket.requester_name).where(Ticket.id.in_(shown))
    if (agent_id := _agent_id(by)) is not None:
        query = query.join(Agent, Agent.id == agent_id).where(is_in_sight())
    row = (await session.execute(query.order_by(Ticket.id.desc()).limit(1))).one_or_none()
    if row is not None:
        return PreviewTicket(row.number, row.subject or "", row.requester_name or "")
    if ticket_id is not None:
        raise invalid("/ticket_id", "there is no such ticket")
    return SAMPLE


def _agent_id(by: Administrator) -> UUID | None:
    """The agent who asks; None for the operator's token, which reads everything."""
    try:
        return UUID(by.id)
    except ValueError:
        return None


def _values(
    sender: tuple[NotificationSettings, str], name: TemplateName, ticket: PreviewTicket, tag: str
) -> dict[str, Any]:
    settings, product = sender
    facts = sample_facts(name)
    body = quoted_at_once(facts["body"], BodyFormat.TEXT)
    desk = settings.desk_url.rstrip("/")
    return {
        "product": product,
        "ticket": {"number": ticket.number, "subject": ticket.subject},
        "recipient": ticket.requester_name,
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
