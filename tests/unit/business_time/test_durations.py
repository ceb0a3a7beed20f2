"""A time in a policy is whole seconds or working days; whatever else is sent is told both forms."""

from typing import Any

import pytest
from pydantic import ValidationError

from shared.contracts.policies import SlaPolicy


@pytest.mark.parametrize("wrong", ["2 days", "3600", 1.5, 3600.0, True, [1]])
@pytest.mark.parametrize("place", ["resolution", "auto_close_seconds"])
def test_what_is_neither_form_is_refused_with_both(place: str, wrong: Any) -> None:
    body: dict[str, Any] = {"name": "Standard", "calendar": "always", "targets": {"normal": {"resolution": 60}}}
    if place == "resolution":
        body["targets"]["normal"]["resolution"] = wrong
    else:
        body[place] = wrong
    with pytest.raises(ValidationError) as refused:
        SlaPolicy.model_validate(body)
    assert [error["msg"] for error in refused.value.errors()] == ['Give whole seconds, or {"working_days": n}']
