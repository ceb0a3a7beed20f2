"""Nothing that the document allows, or nearly allows, breaks the service or gets an answer it does not describe."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fuzz.hammering import ALL_SCOPES, answered, hammer, make_key, open_stack, server_errors

EXAMPLES = 4
SECONDS = 60
SEED = 20261124


@pytest.mark.timeout(300)
async def test_every_operation_survives_what_schemathesis_thinks_of(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    async with open_stack(tmp_path) as stack:
        url = stack.described()["urls"]["intake"]
        key = await make_key(stack, *ALL_SCOPES)
        outcome = await hammer(
            url, key, examples=EXAMPLES, phases="examples,coverage,fuzzing", seconds=SECONDS, seed=SEED
        )
        counted = await answered(url)
    assert server_errors(counted) == {}, outcome.output
    assert outcome.is_clean, outcome.output
    assert outcome.cases > 500
    statuses = ", ".join(f"{sum(n for (_, s), n in counted.items() if s[0] == c)} {c}xx" for c in "2345")
    record_property("summary", f"fuzz: {outcome.cases} cases, answered {statuses}")
