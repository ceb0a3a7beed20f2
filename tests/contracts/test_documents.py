"""Examples in the documents must be what the contracts take."""

import json
import re
from pathlib import Path

from shared.contracts.policies import SlaPolicy

SLA = Path(__file__).resolve().parents[2] / "docs" / "sla.md"


def test_the_policy_shown_to_administrators_is_one() -> None:
    shown = re.search(r"```json\n(.*?)```", SLA.read_text(), re.DOTALL)
    assert shown is not None
    assert SlaPolicy.model_validate(json.loads(shown.group(1))).escalations[2].times == 4
