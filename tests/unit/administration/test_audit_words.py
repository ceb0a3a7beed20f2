"""What the audit log calls things: every kind, action and field has a name that is translated."""

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel

from services.assignment.commands.configuration.audit import KINDS, NOT_AUDITED
from services.assignment.reporting import report_schedules, wall_boards
from services.assignment.schemas.saved_reports import ScheduleView
from services.assignment.web.admin.audit_sources import INTAKES, NOTIFICATIONS
from services.assignment.web.admin.audit_words import FIELDS, KIND_NAMES, title_of
from services.assignment.web.admin.version_changes import changes_between
from services.intake.admin.alert_sources import AlertSourceView
from services.intake.admin.bans import BanView
from services.intake.admin.key_views import ApiKeyView
from services.intake.admin.schemas import AdminTopicView, AnnouncementView
from shared.contracts.calendars import BusinessCalendar
from shared.contracts.policies import SlaPolicy
from shared.kit.i18n.languages import LANGUAGES, use_language

REGISTERING = (report_schedules, wall_boards)
"""Modules that add a kind of their own when they are imported."""
SHOWN: tuple[type[BaseModel], ...] = (
    *KINDS,
    ScheduleView,
    wall_boards.WallBoardView,
    SlaPolicy,
    BusinessCalendar,
    AdminTopicView,
    AnnouncementView,
    BanView,
    ApiKeyView,
    AlertSourceView,
)
IDS = frozenset({"id", "external_id"})


def test_every_kind_of_the_logs_has_a_name() -> None:
    assert {*KINDS.values(), *INTAKES, *NOTIFICATIONS} - KIND_NAMES.keys() == set()


def test_every_field_that_a_change_can_show_has_a_name() -> None:
    names = {name.strip("_").replace("_", " ") for model in SHOWN for name in _fields(model, set()) if name not in IDS}
    assert names - FIELDS == set()


def test_changes_are_told_in_the_readers_language() -> None:
    assert title_of("sla-policy.changed", "Gold") == "SLA policy changed: Gold"
    assert title_of("agent.second-factor-reset", "Ada") == "Agent second factor reset: Ada"
    assert title_of("newer-kind.newer-verb", "X") == "Newer-kind newer verb: X"
    before = {"is_active": True, "escalations": [{"to": "lead"}], "skill_levels": {"payments": 2}}
    after = {"is_active": False, "escalations": [{"to": "team:a"}], "skill_levels": {"payments": 3}}
    with use_language(LANGUAGES["de"]):
        assert title_of("sla-policy.changed", "Gold") == "SLA-Richtlinie geändert: Gold"
        assert [(one.name, one.before, one.after) for one in changes_between(before, after)] == [
            ("Eskalationen 1 / an", "lead", "team:a"),
            ("ist aktiv", "ja", "nein"),
            ("Stufen der Kenntnisse / payments", "2", "3"),
        ]


def _fields(model: type[BaseModel], seen: set[Any]) -> Iterator[str]:
    """Yields the fields of a model and of the models in it."""
    if model in seen:
        return
    seen.add(model)
    for name, field in model.model_fields.items():
        if name not in NOT_AUDITED:
            yield name
            for part in _parts(field.annotation):
                if isinstance(part, type) and issubclass(part, BaseModel):
                    yield from _fields(part, seen)


def _parts(annotation: Any) -> Iterator[Any]:
    yield annotation
    for part in get_args(annotation):
        yield from _parts(part)
