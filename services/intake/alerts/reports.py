"""What monitoring systems send, read into one form: a report of an alert that fires or has recovered."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from shared.contracts.redaction import redacted
from shared.kit.http.app import canonical
from shared.kit.http.inputs import Input, WrittenInstant

MAX_LINE = 255
MAX_WORDS = 8_000
MAX_LABELS = 64
MAX_LABEL = 500
MOST_ALERTS = 1_000
"""Alerts in one delivery."""
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_BEFORE_ALL = 1970
"""Alertmanager writes the year 1 for an end that has not come."""


def line_of(text: str, most: int = MAX_LINE) -> str:
    """Text of another system as one line of at most `most` characters."""
    cut = _CONTROLS.sub(" ", text).strip()
    return redacted(cut if len(cut) <= most else cut[: most - 1] + "…")


def words_of(text: str) -> str:
    """Text of another system, without what no message can hold, and of bounded length."""
    cut = text.replace("\0", "").strip()
    return redacted(cut if len(cut) <= MAX_WORDS else cut[: MAX_WORDS - 1] + "…")


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertReport:
    """What is said of one alert, brought within limits."""

    fingerprint: str
    is_firing: bool
    title: str
    description: str = ""
    severity: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    url: str = ""
    starts_at: datetime | None = None

    @property
    def digest(self) -> bytes:
        """Equal for reports between which nothing changed that is worth telling."""
        return hashlib.sha256(canonical([self.title, self.description, self.severity, dict(self.labels)])).digest()

    def kept(self) -> dict[str, Any]:
        """The form in which it is stored."""
        return {
            "title": self.title,
            "description": self.description,
            "severity": self.severity,
            "labels": dict(self.labels),
            "url": self.url,
        }

    @classmethod
    def of_kept(cls, fingerprint: str, kept: Mapping[str, Any], starts_at: datetime | None) -> "AlertReport":
        """A stored report of an alert that fires."""
        return cls(fingerprint=fingerprint, is_firing=True, starts_at=starts_at, **kept)


def fingerprint_of(labels: Mapping[str, str], title: str) -> str:
    """A fingerprint for an alert that came without one: of its labels, or else of its title."""
    known = canonical(dict(sorted(labels.items()))) if labels else title.encode()
    return hashlib.sha256(known).hexdigest()[:32]


Fingerprint = Annotated[
    str,
    StringConstraints(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$"),
    Field(description="What recognises the alert; its labels or title if left out"),
]
Labels = Annotated[dict[str, str], Field(max_length=MAX_LABELS)]
SomeText = Annotated[str, StringConstraints(max_length=20_000)]


def _not_blank(text: str) -> str:
    if not line_of(text):
        raise ValueError("must not be blank")
    return text


class AlertInput(Input):
    """An alert in our own form."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "fingerprint": "disk-db1",
                    "status": "firing",
                    "title": "Disk of db1 is nearly full",
                    "description": "96 % of /var/lib/postgresql are used.",
                    "severity": "critical",
                    "labels": {"host": "db1", "team": "databases"},
                    "url": "https://monitoring.bank.example/alerts/4711",
                }
            ]
        }
    )

    fingerprint: Fingerprint | None = None
    status: Literal["firing", "resolved"] = "firing"
    title: Annotated[str, StringConstraints(min_length=1, max_length=1_000), AfterValidator(_not_blank)]
    description: SomeText = ""
    severity: Annotated[str, StringConstraints(max_length=64)] = ""
    """By this the priority is chosen; the label `severity` if left out."""
    labels: Labels = Field(default_factory=dict)
    """Kept as the ticket's fields, by which routing rules can choose."""
    url: Annotated[str, StringConstraints(max_length=2_000)] = ""
    """Where to read more."""
    starts_at: WrittenInstant | None = None
    """Since when it fires. A later instant is another occurrence of the same alert."""

    def report(self) -> AlertReport:
        """The same as a report."""
        title, labels = line_of(self.title), _labels(self.labels)
        return AlertReport(
            fingerprint=self.fingerprint or fingerprint_of(self.labels, title),
            is_firing=self.status == "firing",
            title=title,
            description=words_of(self.description),
            severity=line_of(self.severity or labels.get("severity", ""), 64),
            labels=labels,
            url=line_of(self.url, 2_000),
            starts_at=self.starts_at,
        )


class AlertmanagerAlert(BaseModel):
    """One alert of a delivery; what a later Alertmanager adds is passed over."""

    status: Literal["firing", "resolved"]
    labels: Labels = Field(default_factory=dict)
    annotations: Labels = Field(default_factory=dict)
    starts_at: WrittenInstant | None = Field(None, alias="startsAt")
    ends_at: WrittenInstant | None = Field(None, alias="endsAt")
    generator_url: str = Field("", alias="generatorURL")
    fingerprint: Fingerprint | None = None

    def report(self) -> AlertReport:
        """The same as a report: summary or name as its title, description or message as its words."""
        labels, told = _labels(self.labels), self.annotations
        name = " ".join(filter(None, (labels.get("alertname", ""), labels.get("instance", ""))))
        title = line_of(told.get("summary") or told.get("title") or "") or line_of(name) or "Alert without a name"
        starts_at = self.starts_at if self.starts_at and self.starts_at.year >= _BEFORE_ALL else None
        return AlertReport(
            fingerprint=self.fingerprint or fingerprint_of(self.labels, title),
            is_firing=self.status == "firing",
            title=title,
            description=words_of(told.get("description") or told.get("message") or ""),
            severity=line_of(labels.get("severity", ""), 64),
            labels=labels,
            url=line_of(told.get("runbook_url") or self.generator_url, 2_000),
            starts_at=starts_at,
        )


class AlertmanagerDelivery(BaseModel):
    """What Alertmanager's webhook receiver posts, version 4 of its form."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "version": "4",
                    "groupKey": '{}:{alertname="HostDown"}',
                    "status": "firing",
                    "receiver": "everdesk",
                    "alerts": [
                        {
                            "status": "firing",
                            "labels": {"alertname": "HostDown", "instance": "db1", "severity": "critical"},
                            "annotations": {"summary": "db1 does not answer"},
                            "startsAt": "2026-11-28T10:00:00Z",
                            "endsAt": "0001-01-01T00:00:00Z",
                            "generatorURL": "https://prometheus.bank.example/graph",
                            "fingerprint": "c0b2f7f1f2a3d4e5",
                        }
                    ],
                }
            ]
        }
    )

    version: Literal["4"] = "4"
    group_key: str = Field("", alias="groupKey")
    alerts: Annotated[list[AlertmanagerAlert], Field(max_length=MOST_ALERTS)]

    def reports(self) -> list[AlertReport]:
        """Each alert's report, in the order in which they were sent."""
        return [alert.report() for alert in self.alerts]


def _labels(given: Mapping[str, str]) -> dict[str, str]:
    return {line_of(name, 64): line_of(text, MAX_LABEL) for name, text in sorted(given.items()) if line_of(name, 64)}
