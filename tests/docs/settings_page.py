"""docs/settings.md, made of the settings' own classes: name, default and what each is for."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from services.assignment.settings import AssignmentSettings
from services.intake.mail.settings import MailSettings
from services.intake.settings import IntakeSettings
from services.notification.settings import NotificationSettings
from shared.kit.settings import MailingSettings, ServiceSettings, Settings, StorageSettings
from workflows.worker import WorkerSettings

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"
ROOMS: tuple[tuple[str, type[BaseModel], tuple[type[BaseModel], ...]], ...] = (
    ("Every process", Settings, ()),
    ("Every service", ServiceSettings, (Settings,)),
    ("Services that send or take in mail", MailingSettings, (ServiceSettings,)),
    ("Files: intake and its mail process", StorageSettings, (ServiceSettings,)),
    ("Intake", IntakeSettings, (MailingSettings, StorageSettings)),
    ("Intake's mail process", MailSettings, (IntakeSettings,)),
    ("Assignment", AssignmentSettings, (ServiceSettings,)),
    ("Notification", NotificationSettings, (MailingSettings,)),
    ("Worker", WorkerSettings, (Settings,)),
)
HEAD = """\
# Settings

Every process reads its settings once, at start, from variables `EVERDESK_<NAME>`; one that cannot be used stops it with
a sentence that says why. `EVERDESK_<NAME>_FILE` names a file that holds the value, as mounted secrets do.
`make run` and the compose file set what they must; [README](../README.md) names the few that
`make run` itself understands. This page is written by `python -m tests.docs` from the classes that read the variables.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *(_room(*room) for room in ROOMS)])


def _room(title: str, settings: type[BaseModel], known: tuple[type[BaseModel], ...]) -> str:
    rows = [
        f"| `EVERDESK_{name.upper()}` | {_default(field)} | {_words(field)} |" for name, field in _own(settings, known)
    ]
    return "\n".join([f"## {title}\n", "| variable | default | what it is |", "|---|---|---|", *rows, ""])


def _own(settings: type[BaseModel], known: tuple[type[BaseModel], ...]) -> Iterator[tuple[str, FieldInfo]]:
    """What a class adds, or gives another default."""
    for name, field in settings.model_fields.items():
        before = next((base.model_fields[name] for base in known if name in base.model_fields), None)
        if before is None or before.default != field.default:
            yield name, field


def _default(field: FieldInfo) -> str:
    value: Any = field.get_default(call_default_factory=True, validated_data={})
    if value is PydanticUndefined:
        return "must be set"
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value is None or value in ("", (), []):
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    return f"`{value}`"


def _words(field: FieldInfo) -> str:
    return " ".join((field.description or "").split()).replace("|", "\\|")
