"""Verdicts counted: as tickets show them, and as the SLA report adds them up."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from deploy.demo.console import format_state

Verdicts = Counter[tuple[str, str]]
"""How many of each (metric, outcome)."""
OUTCOMES = ("met", "breached", "cancelled")


def verdicts_of(tickets: Iterable[Mapping[str, Any]]) -> Verdicts:
    """What the settled clocks of these tickets say."""
    return Counter(
        (str(clock["metric"]), str(clock["outcome"]))
        for ticket in tickets
        for clock in ticket["sla"]["clocks"]
        if clock["state"] == "settled"
    )


def reported(report: Mapping[str, Any]) -> Verdicts:
    """What the report's totals say."""
    counts = {(str(row["metric"]), outcome): int(row[outcome]) for row in report["total"] for outcome in OUTCOMES}
    return Counter({key: count for key, count in counts.items() if count})


def in_short(verdicts: Verdicts) -> str:
    """For messages: `first_response met 1, resolution met 2`."""
    return ", ".join(f"{metric} {outcome} {count}" for (metric, outcome), count in sorted(verdicts.items())) or "none"


def lines_of(report: Mapping[str, Any]) -> list[str]:
    """The report as a person reads it, a line per group and metric."""
    return [
        f"{group['name']:<18} {row['metric'].replace('_', ' '):<16} {row['met']:>5} met {row['breached']:>5} breached"
        f"   {_percent(row['attainment']):>7}   median {_median(row['median_seconds'])}"
        for group in report["items"]
        for row in group["metrics"]
    ]


def _percent(attainment: float | None) -> str:
    return "-" if attainment is None else f"{attainment:.1f} %"


def _median(seconds: float | None) -> str:
    return "-" if seconds is None else format_state(seconds)
