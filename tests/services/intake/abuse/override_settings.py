"""Intake under other settings than those of the other tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from services.intake.abuse.admission_control import AdmissionControl
from services.intake.abuse.form_guard import FormGuard
from services.intake.app_state import AppState
from tests.services.intake.harness import IntakeHarness


@contextmanager
def with_settings(intake: IntakeHarness, **settings: Any) -> Iterator[None]:
    """The service with these settings, until the block ends."""
    state, before = intake.app.state._state, intake.app.state.app_state
    changed = before.settings.model_copy(update=settings)
    guarded: AppState = replace(
        before, settings=changed, admission=AdmissionControl(intake.database, changed), form_guard=FormGuard(changed)
    )
    state["app_state"] = guarded
    try:
        yield
    finally:
        state["app_state"] = before
