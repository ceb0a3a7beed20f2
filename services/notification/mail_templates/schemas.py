"""Requests and responses of the routes of mail templates."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue

from services.notification.delivery.templates import Audience
from services.notification.mail_templates.content import TemplateContent
from shared.contracts.described_models import DescribedModel
from shared.kit.http.inputs import Input


def _storable(source: str) -> str:
    if "\0" in source or any(0xD800 <= ord(char) <= 0xDFFF for char in source):
        raise ValueError("must not contain NUL characters or unpaired surrogates")
    return source


Source = Annotated[str, Field(min_length=1, max_length=50_000), AfterValidator(_storable)]
SubjectLine = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_storable)]
EXAMPLE: dict[str, JsonValue] = {
    "subject": "[#{{ ticket.number }}] {{ ticket.subject }}",
    "html": "<p>Hello {{ recipient }},</p>\n<p>we have your message, and answer soon.</p>",
    "text": "Hello {{ recipient }},\n\nwe have your message, and answer soon.",
}


class TemplateContentInput(Input):
    """The three parts of a template; what stands around them is the same in all mails and not edited."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    subject: SubjectLine
    html: Source
    text: Source

    @property
    def content(self) -> TemplateContent:
        """The parts, with line ends as they are stored."""
        parts = (part.replace("\r\n", "\n").replace("\r", "\n") for part in (self.subject, self.html, self.text))
        subject, html, text = parts
        return TemplateContent(subject.strip(), html, text)


class TemplatePreviewInput(TemplateContentInput):
    """Parts that are not saved yet, and the ticket to show them with."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    ticket_id: UUID | None = None
    """The ticket to show it with; null: the newest one."""


class TemplatePreviewView(BaseModel):
    """A mail as it would be sent; what the event itself says is made up."""

    subject: str
    html: str
    text: str
    ticket_number: str


class TemplateVersionView(DescribedModel):
    """A version of a template in a language."""

    version: int
    """0: the shipped default that nobody edited yet."""
    is_default: bool
    """Whether it is the shipped default."""
    subject: str
    html: str
    text: str
    author_id: str | None = None
    author_name: str | None = None
    created_at: datetime | None = None

    @property
    def content(self) -> TemplateContent:
        """Its parts."""
        return TemplateContent(self.subject, self.html, self.text)

    @classmethod
    def shipped(cls, content: TemplateContent) -> Self:
        """The version before the first edit."""
        return cls(version=0, is_default=True, subject=content.subject, html=content.html, text=content.text)


class EditableTemplateView(TemplateVersionView):
    """What is in force, and what an edit may use."""

    name: str
    language: str
    event: str
    audience: Audience
    variables: list[str]
    """What may stand in `{{ … }}`."""
    lists: list[str]
    """What `{% for … %}` may loop over."""
    filters: list[str]
