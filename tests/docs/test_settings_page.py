"""The page of settings is what the processes read."""

import pytest

from tests.docs.settings_page import PAGE, ROOMS, page


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "run `python -m tests.docs`"


@pytest.mark.parametrize("name", sorted({name for _, settings, _ in ROOMS for name in settings.model_fields}))
def test_every_setting_says_what_it_is(name: str) -> None:
    assert any(settings.model_fields[name].description for _, settings, _ in ROOMS if name in settings.model_fields), (
        f"{name} has no docstring"
    )
