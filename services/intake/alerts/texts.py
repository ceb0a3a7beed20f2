"""The words of tickets and messages about alerts. Plain text: what systems send is never read as markup."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from services.intake.alerts.reports import AlertReport
from services.intake.forms.form import MAX_FIELDS
from services.intake.forms.unstructured import FieldValue
from shared.kit.ticket_answers import MAX_ANSWERS_BYTES, size_of

MOST_NAMED = 100
"""Alerts named in one message of a collecting ticket."""
ROOM = 512
"""Bytes left for what is not a label."""


def opening(report: AlertReport) -> str:
    """The first message of an alert's ticket."""
    return _joined(report.description or report.title, facts(report))


def changed(report: AlertReport, repeats: int) -> str:
    """The message that the alert is reported with other words or labels."""
    count = "once" if repeats == 1 else f"{repeats} times"
    return _joined(f"The alert has changed: {report.title}", report.description, facts(report), f"Repeated {count}.")


def fires_again(report: AlertReport) -> str:
    """The message that the alert is back after it had recovered."""
    return _joined("The alert fires again.", report.description or report.title, facts(report))


def still_fires(report: AlertReport) -> str:
    """The message that the alert is reported although its ticket was resolved."""
    return _joined("The alert still fires.", report.description or report.title, facts(report))


def recovered(report: AlertReport, repeats: int, at: datetime) -> str:
    """The message that the alert has recovered."""
    count = "" if not repeats else f" It was repeated {repeats} time{'' if repeats == 1 else 's'}."
    return f"The alert has recovered at {_instant(at)}.{count}\n\n{report.title}"


def unsteady(quiet: timedelta | None) -> str:
    """The message that an alert keeps changing; its ticket is resolved after a time of quiet, if at all."""
    told = "The alert keeps recovering and firing again. From now on this is only counted."
    if quiet is None:
        return told
    minutes = quiet // timedelta(minutes=1)
    return f"{told} The ticket is resolved once the alert has been quiet for {minutes} minutes."


def all_recovered() -> str:
    """The message that nothing collected in a ticket fires any more."""
    return "All alerts collected here have recovered."


def storm_subject(name: str) -> str:
    """The subject of a ticket that collects alerts."""
    return f"Alert storm: {name}"[:255]


def storm_opening(name: str, limit: int) -> str:
    """Why a ticket collects alerts."""
    return (
        f"{name} has sent more than {limit} new alerts within a minute. The alerts beyond that number are collected "
        "here, and named in messages on this ticket."
    )


def storm_growth(titles: Sequence[str], count: int) -> str:
    """Which alerts were added to a collecting ticket."""
    lines = [f"- {title}" for title in titles[:MOST_NAMED]]
    if count > len(lines):
        lines.append(f"and {count - len(lines)} more")
    return _joined(f"Alerts that began to fire: {count}", "\n".join(lines))


def facts(report: AlertReport) -> str:
    """Since when, how severe, with which labels."""
    lines = [f"Severity: {report.severity}"] if report.severity else []
    if report.starts_at is not None:
        lines.append(f"Since: {_instant(report.starts_at)}")
    lines += [f"{name}: {value}" for name, value in report.labels.items() if name != "severity"]
    if report.url:
        lines.append(f"More: {report.url}")
    return "\n".join(lines)


def fields_of(labels: Mapping[str, str]) -> dict[str, FieldValue]:
    """The labels as a ticket's fields, as far as there is room for them."""
    fields: dict[str, FieldValue] = {}
    for name, value in labels.items():
        grown = fields | {name: value}
        if len(grown) >= MAX_FIELDS or size_of(grown) > MAX_ANSWERS_BYTES - ROOM:
            break
        fields = grown
    return fields


def _instant(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S UTC")


def _joined(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)
