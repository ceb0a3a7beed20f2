"""The chart's values: each option is known to the schema, each variable to the code, and no secret is a value."""

from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # has no types of its own
import pytest
from pydantic_settings import BaseSettings

from services.assignment.consumers import PROJECTION, TRIAGE
from services.assignment.settings import AssignmentSettings
from services.intake import measures as intake_measures
from services.intake.mail.settings import MailSettings
from services.intake.settings import IntakeSettings
from services.notification.settings import NotificationSettings
from shared.kit.bus import measures as bus_measures
from tests.helm import chart_files
from workflows import measures as workflow_measures
from workflows.worker import WorkerSettings

CLASSES: tuple[type[BaseSettings], ...] = (
    IntakeSettings,
    MailSettings,
    AssignmentSettings,
    NotificationSettings,
    WorkerSettings,
)
KNOWN = {f"EVERDESK_{name.upper()}" for settings in CLASSES for name in settings.model_fields}


@pytest.mark.parametrize("path", chart_files.CI_FILES, ids=lambda path: path.stem)
def test_the_values_of_every_option_are_known(path: Path) -> None:
    jsonschema.validate(chart_files.with_defaults(chart_files.of_file(path)), chart_files.schema())


@pytest.mark.parametrize(
    "changes",
    [
        {"settings": {"EVERDESK_SMTP_PASSWORD": "hunter2"}},
        {"intake": {"settings": {"EVERDESK_DATABASE_URL": "postgresql://u:p@h/n"}}},
        {"worker": {"settings": {"EVERDESK_LINK_SECRET": "x"}}},
        {"image": {"tag": "latest"}},
        {"site": {"host": "https://help.example.org"}},
        {"files": {"store": "claim"}},
        {"nats": {"replicas": 2}},
        {"temporal": {"address": "temporal"}},
        {"secrets": {"databases": ""}},
        {"networkPolicies": {"enabled": False}},
        {"ingress": {"trustedProxies": ["everywhere"]}},
    ],
    ids=str,
)
def test_what_cannot_work_or_is_a_secret_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(chart_files.with_defaults(changes), chart_files.schema())


def test_every_variable_is_a_setting() -> None:
    assert chart_files.variables() - KNOWN == set()


def test_every_secret_setting_comes_from_a_secret_object() -> None:
    secret = ("_PASSWORD", "_SECRET", "_TOKEN", "_KEY", "_KEYS", "DATABASE_URL", "NATS_URL", "MAILBOXES")
    for name in chart_files.variables() - {"EVERDESK_MAIL_TLS_KEY"}:  # that one is the path of a file
        if name.endswith(secret):
            assert f"name: {name}, value" not in chart_files.TEMPLATES
            assert f'"everdesk.fromSecret" (list "{name}"' in chart_files.TEMPLATES


def test_autoscalers_read_metrics_and_consumers_that_exist() -> None:
    for metric in (bus_measures.CONSUMER_PENDING, workflow_measures.BACKLOG, intake_measures.MAILS):
        (told,) = metric.collect()
        assert f"metric: {{name: {told.name}" in chart_files.TEMPLATES
    for consumer in (PROJECTION, TRIAGE, "notification", "notification-feed", "workflows"):
        assert f'"{consumer}"' in chart_files.TEMPLATES


def test_every_value_is_explained() -> None:
    guide = (chart_files.CHART.parents[2] / "docs" / "kubernetes.md").read_text()
    assert [name for name in chart_files.defaults() if f"`{name}" not in guide] == []
