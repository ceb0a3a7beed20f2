"""Request models of edits: ticket details, notes, replies, and an agent's settings."""

import re
from typing import Annotated, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, ConfigDict, Field, JsonValue, StringConstraints

from services.assignment.schemas.actions import AttachmentIds
from services.assignment.schemas.tickets import View
from shared.contracts.base import Instant
from shared.contracts.vocabulary import BodyFormat, Priority
from shared.kit.http.inputs import Body, Email, Input, LanguageTag, Line, Phone

MAX_FIELDS = 60
MAX_VALUE = 8192
Scalar = Annotated[str, StringConstraints(max_length=MAX_VALUE)] | bool | int | float | None
FieldName = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Answers = Annotated[
    dict[FieldName, Scalar | Annotated[list[Scalar], Field(max_length=100)]], Field(max_length=MAX_FIELDS)
]


class RequesterInput(Input):
    """Who asks for help."""

    email: Email
    name: Line


class TicketPatch(Input):
    """What to change; what is left out stays as it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"subject": "Online banking: log-in fails"}]})

    subject: Line | None = None
    topic: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None
    """A topic's slug or id."""
    fields: Answers | None = None
    """Answers to put in place of those of the same name; null takes one away."""
    requester: RequesterInput | None = None
    """Who gets the answers from now on. The former requester's links stop working."""


class CallerInput(RequesterInput):
    """Who asks for help, with the number they called from."""

    phone: Phone | None = None


class NewTicketInput(Input):
    """A ticket that an agent opens for a requester."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "requester": {"email": "dana@bank.example", "name": "Dana Ruiz"},
                    "subject": "Card swallowed by the machine at the branch",
                    "body": "Called at nine; the machine in the lobby kept her card.",
                    "topic": "access",
                    "channel": "phone",
                }
            ]
        }
    )

    requester: CallerInput
    subject: Line
    body: Body
    body_format: BodyFormat = BodyFormat.TEXT
    topic: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None
    priority: Priority | None = None
    fields: dict[str, JsonValue] = Field(default_factory=dict)
    """Answers to the topic's form, checked as everywhere."""
    cc: Annotated[tuple[Email, ...], Field(max_length=20)] = ()
    attachments: AttachmentIds = ()
    channel: Literal["phone", "walk_in"] = "phone"


class OpenedTicketView(View):
    """The ticket that was opened. It is triaged within moments."""

    id: UUID
    number: str


class EntryPatch(Input):
    """The words to put in place of a note or reply of the caller's own."""

    body: Body
    body_format: BodyFormat | None = None
    """As before where it is left out."""


class EntryVersionView(View):
    """A note or reply as it was before an edit."""

    version: int
    body: str
    body_format: BodyFormat
    replaced_at: Instant


KEY = r"(?:(?:mod|ctrl|alt|shift)\+)*(?:[a-z0-9]|[.,/?\[\];'=-]|enter|escape|space|f[1-9])"
KEYS = re.compile(rf"{KEY}(?: {KEY})?")
COMMAND = re.compile(r"[a-z][a-z0-9-]{0,39}")


def _command(name: str) -> str:
    if not COMMAND.fullmatch(name):
        raise ValueError("is not the name of a command")
    return name


def _keys(keys: str) -> str:
    if keys and not KEYS.fullmatch(keys):
        raise ValueError("write keys like r, mod+enter or g q; nothing to switch the command's keys off")
    return keys


def _without_conflict(shortcuts: dict[str, str]) -> dict[str, str]:
    used: dict[str, str] = {}
    for command, keys in shortcuts.items():
        if keys and (other := used.setdefault(keys, command)) != command:
            raise ValueError(f"{keys} is used twice, for {other} and {command}")
        for other_keys, other in used.items():
            if keys and other != command and (other_keys.startswith(f"{keys} ") or keys.startswith(f"{other_keys} ")):
                raise ValueError(f"{keys} and {other_keys} begin alike, for {command} and {other}")
    return shortcuts


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError) as unknown:
        raise ValueError("is not the name of a time zone, such as Europe/Berlin") from unknown
    return name


ShortcutName = Annotated[str, AfterValidator(_command)]
ShortcutKeys = Annotated[str, StringConstraints(max_length=40), AfterValidator(_keys)]


class AgentSettingsInput(Input):
    """How the caller wants the desk to be. What is left out stays, null is as the installation has it."""

    undo_seconds: Annotated[int, Field(ge=0, le=60)] | None = None
    """How long a reply can be taken back; 0 sends it at once."""
    time_zone: Annotated[str, StringConstraints(max_length=64), AfterValidator(_known_zone)] | None = None
    density: Literal["comfortable", "dense"] | None = None
    language: LanguageTag | None = None
    """Of the desk, such as `de`; one without a translation counts as none."""
    shortcuts: (
        Annotated[dict[ShortcutName, ShortcutKeys], Field(max_length=100), AfterValidator(_without_conflict)] | None
    ) = None
    """Keys by command, such as `{"reply": "r", "queue": "g q"}`; an empty text switches the command's keys off."""


class AgentSettingsView(View):
    """How the caller has set up the desk."""

    undo_seconds: int | None = None
    time_zone: str | None = None
    density: str | None = None
    language: str | None = None
    shortcuts: dict[str, str] = Field(default_factory=dict)
