"""The lifecycle as a Mermaid diagram, drawn from the table so that the README cannot be wrong."""

from collections import defaultdict

from shared.contracts.vocabulary import Status
from shared.domain.lifecycle import TRANSITIONS


def state_diagram() -> str:
    """Every change of status; actions that keep the status are left out."""
    arrows: dict[tuple[Status, Status], list[str]] = defaultdict(list)
    for (before, action), after in TRANSITIONS.items():
        if before is not after:
            arrows[before, after].append(action.value)
    lines = ["stateDiagram-v2", "    [*] --> new"]
    for (before, after), actions in sorted(arrows.items(), key=lambda arrow: _order(*arrow[0])):
        lines.append(f"    {before.value} --> {after.value} : {', '.join(actions)}")
    return "\n".join([*lines, "    closed --> [*] : reopen window passed"])


def _order(before: Status, after: Status) -> tuple[int, int]:
    statuses = list(Status)
    return statuses.index(before), statuses.index(after)
