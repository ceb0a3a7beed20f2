"""Every operation of the three APIs has a name of its own: generated clients make a method of each."""

from collections import Counter

import pytest
from fastapi import FastAPI

from services.assignment import app as assignment_app
from services.assignment.settings import AssignmentSettings
from services.intake import app as intake_app
from services.intake.settings import IntakeSettings
from services.notification import app as notification_app
from services.notification.settings import NotificationSettings
from shared.kit.http.documents import operations

NOWHERE = {"database_url": "postgresql+asyncpg://nobody@127.0.0.1:1/none", "link_secret": "x" * 32}


def assignment() -> FastAPI:
    return assignment_app.build(AssignmentSettings.model_validate(NOWHERE | {"session_secret": "y" * 32}))


def intake() -> FastAPI:
    return intake_app.build(IntakeSettings.model_validate(NOWHERE))


def notification() -> FastAPI:
    return notification_app.build(NotificationSettings.model_validate(NOWHERE))


@pytest.mark.parametrize("build", [assignment, intake, notification])
def test_no_two_operations_have_one_name(build: object) -> None:
    assert callable(build)
    names = Counter(operation["operationId"] for _, operation in operations(build().openapi()))
    assert len(names) > 40
    assert [name for name, count in names.items() if count > 1] == []


def test_names_that_clients_know_stay() -> None:
    paths = assignment().openapi()["paths"]
    assert paths["/v1/tickets/{ticket}"]["get"]["operationId"] == "tickets_get_one"
    assert paths["/v1/sessions"]["delete"]["operationId"] == "sessions_delete_session"
