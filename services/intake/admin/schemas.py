"""What administrators say and read, each with an example that works."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, StringConstraints, model_validator

from services.intake.commands.announcements import AnnouncementContent
from services.intake.commands.topics import MAX_TOPICS, TopicContent
from services.intake.forms import CustomField, Fields, Form
from services.intake.models import Announcement, Topic
from services.intake.schemas import TopicName
from shared.contracts.described_models import DescribedModel
from shared.contracts.vocabulary import Priority
from shared.kit.http.inputs import Body, Flag, Input, Line, ShortLine, Slug, Whole, WrittenInstant

MAX_PROSE = 20_000
POSTGRES_INTEGERS = 2**31 - 1


def _no_id(slug: str) -> str:
    try:
        UUID(slug)
    except ValueError:
        return slug
    raise ValueError("must not look like an id")


TopicSlug = Annotated[Slug, AfterValidator(_no_id)]
Prose = Annotated[Body, StringConstraints(max_length=MAX_PROSE)]
OptionalProse = Annotated[str, StringConstraints(max_length=MAX_PROSE, pattern=r"^[^\x00]*$")]
Sentence = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]

EXAMPLE_FORM: list[JsonValue] = [
    {
        "kind": "choice",
        "name": "system",
        "label": "Which system?",
        "choices": [{"key": "web", "label": "Website"}, {"key": "atm", "label": "Cash point"}],
    },
    {
        "kind": "text",
        "name": "place",
        "label": "Where is the cash point?",
        "required": True,
        "shown_if": {"field": "system", "is": "atm"},
    },
    {"kind": "text", "name": "branch_code", "label": "Branch code", "visible_to": "agents", "max_length": 8},
]
EXAMPLE_TOPIC: dict[str, JsonValue] = {
    "slug": "cash-points",
    "name": "Cash points",
    "description": "Broken, empty or unsafe cash points",
    "priority": "high",
    "form": EXAMPLE_FORM,
    "thanks": "We look at cash points **within the hour**.",
}
EXAMPLE_ANNOUNCEMENT: dict[str, JsonValue] = {
    "title": "Maintenance on Sunday",
    "body": "Online banking rests from 02:00 to 04:00. *Cards work as usual.*",
    "is_urgent": False,
    "ends_at": "2030-01-06T04:00:00Z",
}


class TopicInput(Input):
    """Everything about a topic: what is left out gets its default."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_TOPIC]})

    slug: TopicSlug
    """Its name in URLs and submissions; a changed one breaks links that name the old."""
    name: ShortLine
    description: Sentence = ""
    is_public: Flag = True
    """Offered in the portal; others are for client programs."""
    priority: Priority | None = None
    """Of requests that name none."""
    form: Fields = ()
    """The custom fields, in the order in which they are asked."""
    thanks: OptionalProse = ""
    """Said after a request was sent, in Markdown; empty for the usual words."""
    legacy_id: Annotated[Whole, Field(ge=1, le=POSTGRES_INTEGERS)] | None = None
    """The number by which clients of the help desk before this one know it."""

    def content(self) -> TopicContent:
        """The same for the commands."""
        values = {name: getattr(self, name) for name in type(self).model_fields if name != "form"}
        return TopicContent(**values, form=Form(self.form))


class TopicOrder(Input):
    """Which topics come first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"topics": ["online-banking", "access"]}]})

    topics: Annotated[list[TopicName], Field(min_length=1, max_length=MAX_TOPICS)]
    """Slugs or ids in their new order; topics that are not named follow in the order they have."""


class AdminTopicView(DescribedModel):
    """A topic with everything about it."""

    id: UUID
    slug: str
    name: str
    description: str
    is_active: bool
    is_public: bool
    position: int
    priority: Priority | None
    form: tuple[CustomField, ...]
    former_fields: tuple[CustomField, ...]
    """Removed fields, remembered so that answers given to them stay readable."""
    thanks: str
    legacy_id: int | None
    version: int
    """The number in the ETag."""

    @classmethod
    def of(cls, topic: Topic) -> "AdminTopicView":
        """The view of a stored topic."""
        return cls.model_validate(topic, from_attributes=True)


class AnnouncementInput(Input):
    """Everything about an announcement."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_ANNOUNCEMENT]})

    title: Line
    body: Prose
    """Markdown; HTML in it is shown as text."""
    is_urgent: Flag = False
    """Shown first, and as a warning."""
    starts_at: WrittenInstant | None = None
    """When it begins to be shown; at once if left out."""
    ends_at: WrittenInstant | None = None
    """When it ceases to be shown; never if left out."""

    @model_validator(mode="after")
    def _has_time(self) -> "AnnouncementInput":
        if self.starts_at and self.ends_at and self.starts_at >= self.ends_at:
            raise ValueError("ends_at must be after starts_at")
        return self

    def content(self) -> AnnouncementContent:
        """The same for the commands."""
        return AnnouncementContent(**{name: getattr(self, name) for name in type(self).model_fields})


class AnnouncementView(BaseModel):
    """An announcement."""

    id: UUID
    title: str
    body: str
    is_urgent: bool
    starts_at: datetime
    ends_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, announcement: Announcement) -> "AnnouncementView":
        """The view of a stored announcement."""
        return cls.model_validate(announcement, from_attributes=True)
