"""Fixtures of intake for the attacks on it."""

from tests.services.intake.conftest import intake, settings  # noqa: F401 - fixtures
