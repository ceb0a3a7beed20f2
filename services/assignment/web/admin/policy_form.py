"""The form of an SLA policy: its fields read into what the API takes, and a policy's values as the fields show them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, get_args

from services.assignment.web.admin.duration_text import format_duration_text, parse_duration_text
from services.assignment.web.admin.submitted_form import FormRefused, SubmittedForm, refuse_field
from shared.contracts.durations import Duration, WorkingDays
from shared.contracts.policies import LifecycleTimer, SlaPolicy
from shared.contracts.vocabulary import Metric, Priority
from shared.kit.i18n.messages import gettext
from shared.kit.i18n.messages import marked as _

METRICS: Final = (Metric.FIRST_RESPONSE, Metric.NEXT_RESPONSE, Metric.RESOLUTION)
PRIORITIES: Final = tuple(reversed(Priority))
EMPTY_STEPS: Final = 2
"""Blank lines under the escalations, for adding more."""
MOST_STEPS: Final = 20
TIMES: Final[Mapping[str, str]] = {
    "auto_close_seconds": _("Close a resolved ticket after"),
    "reopen_window_seconds": _("A requester's answer reopens it for"),
    "reopen_grace_seconds": _("Reopening within this time continues the old resolution clock"),
    "pending_resolve_seconds": _("Resolve a pending ticket that got no answer after"),
}
TIMERS: Final[Mapping[str, str]] = {
    "auto_close": _("Closing"),
    "reopen_window": _("Reopening by an answer"),
    "reopen_grace": _("Continuing the old clock"),
    "pending_reminder": _("Reminders"),
    "pending_resolve": _("Resolving without an answer"),
}
ACTIONS: Final[Mapping[str, str]] = {
    "notify": _("Notify"),
    "raise_priority": _("Raise the priority"),
    "reassign": _("Reassign"),
}
AT_PERCENT, AFTER_BREACH = "percent", "breach"
MOMENTS: Final[Mapping[str, str]] = {AT_PERCENT: _("% of the target used"), AFTER_BREACH: _("after the breach")}
assert set(TIMERS) == set(get_args(LifecycleTimer))


def policy_fields(form: SubmittedForm) -> dict[str, Any]:
    """The policy that a form says, as the API takes it. Raises FormRefused for a field that cannot be read."""
    return {
        "name": form.text("name"),
        "calendar": form.text("calendar"),
        "targets": _targets(form),
        "pause_on_hold": form.is_ticked("pause_on_hold"),
        "warn_at": _percents(form),
        "escalations": [_step(form, number) for number in range(MOST_STEPS) if form.text(f"step-{number}-do")],
        **{name: _duration(form, name) for name in TIMES if name == "pending_resolve_seconds" or form.text(name)},
        "pending_reminder_seconds": _reminders(form),
        "in_business_time": [name for name in TIMERS if name in form.all("in_business_time")],
    }


def policy_values(policy: SlaPolicy) -> dict[str, Any]:
    """A policy as the fields of the form show it."""
    values: dict[str, Any] = {
        "name": policy.name,
        "calendar": policy.calendar,
        "pause_on_hold": policy.pause_on_hold,
        "warn_at": ", ".join(map(str, policy.warn_at)),
        "pending_reminder_seconds": ", ".join(map(format_duration_text, policy.pending_reminder_seconds)),
        "in_business_time": list(policy.in_business_time),
        "steps": len(policy.escalations),
    }
    values |= {name: format_duration_text(getattr(policy, name)) for name in TIMES}
    for priority, targets in policy.targets.items():
        values |= {
            target_field(priority, metric): format_duration_text(targets.of(metric), has_days=False)
            for metric in METRICS
        }
    for number, step in enumerate(policy.escalations):
        values |= _step_values(number, step.model_dump(mode="json"))
    return values


def typed_values(form: SubmittedForm) -> dict[str, Any]:
    """A form's fields as they were typed."""
    steps = [number for number in range(MOST_STEPS) if form.text(f"step-{number}-do")]
    values: dict[str, Any] = {name: form.text(name) for name in form.fields}
    return values | {"in_business_time": form.all("in_business_time"), "steps": max(steps, default=-1) + 1}


def target_field(priority: Priority, metric: Metric) -> str:
    """The field of one cell of the targets' grid."""
    return f"target-{priority.value}-{metric.value}"


def field_of(place: tuple[Any, ...]) -> str:
    """The field for a place in the policy's JSON, such as ("targets", "urgent", "resolution")."""
    match [str(part) for part in place]:
        case ["targets", priority, metric, *_]:
            return f"target-{priority}-{metric}"
        case ["escalations", number, *_]:
            return f"step-{number}-do"
        case [name, *_]:
            return name
    return "form"


def _targets(form: SubmittedForm) -> dict[str, dict[str, Any]]:
    cells = {
        priority: {metric.value: _duration(form, target_field(priority, metric)) for metric in METRICS}
        for priority in PRIORITIES
    }
    return {
        priority.value: targets
        for priority, targets in cells.items()
        if any(one is not None for one in targets.values())
    }


def _duration(form: SubmittedForm, name: str) -> Any:
    try:
        return _json(parse_duration_text(form.text(name)))
    except ValueError as error:
        raise refuse_field(name, str(error)) from error


def _json(duration: Duration | None) -> Any:
    return duration.model_dump() if isinstance(duration, WorkingDays) else duration


def _reminders(form: SubmittedForm) -> list[Any]:
    name = "pending_reminder_seconds"
    try:
        return [_json(parse_duration_text(part)) for part in form.text(name).split(",") if part.strip()]
    except ValueError as error:
        raise refuse_field(name, gettext("%(error)s, several separated by commas", error=error)) from error


def _percents(form: SubmittedForm) -> list[int]:
    parts = form.text("warn_at").replace("%", " ").replace(",", " ").split()
    if not all(part.isascii() and part.isdigit() and len(part) < 4 for part in parts):
        raise refuse_field(
            "warn_at", gettext("Write whole percentages from 1 to 99, separated by commas, such as 50, 75, 90")
        )
    return [int(part) for part in parts]


def _step(form: SubmittedForm, number: int) -> dict[str, Any]:
    def value(name: str) -> str:
        return form.text(f"step-{number}-{name}")

    step: dict[str, Any] = {"metric": value("metric"), "do": value("do"), "to": value("to") or None}
    if value("moment") == AT_PERCENT:
        percent = value("amount").removesuffix("%").strip()
        if not percent.isascii() or not percent.isdigit() or len(percent) > 4:
            raise _refuse_amount(number, gettext("Write a whole percentage, such as 80"))
        step["at_percent"] = int(percent)
    else:
        step["after_breach_seconds"] = _duration(form, f"step-{number}-amount") or 0
    if value("repeat"):
        step["repeat_every_seconds"] = _duration(form, f"step-{number}-repeat")
        step["repeat_at_most"] = form.number(f"step-{number}-most") or 10
    return step


def _refuse_amount(number: int, text: str) -> FormRefused:
    return refuse_field(f"step-{number}-amount", text)


def _step_values(number: int, step: Mapping[str, Any]) -> dict[str, Any]:
    percent = step["at_percent"]
    after = _duration_of(step["after_breach_seconds"])
    repeat = _duration_of(step["repeat_every_seconds"])
    values = {
        "metric": step["metric"],
        "moment": AFTER_BREACH if percent is None else AT_PERCENT,
        "amount": format_duration_text(after, has_days=False) if percent is None else str(percent),
        "do": step["do"],
        "to": step["to"] or "",
        "repeat": format_duration_text(repeat, has_days=False),
        "most": step["repeat_at_most"] if repeat else "",
    }
    return {f"step-{number}-{name}": value for name, value in values.items()}


def _duration_of(value: Any) -> Duration | None:
    return WorkingDays.model_validate(value) if isinstance(value, dict) else value


def step_numbers(values: Mapping[str, Any]) -> Sequence[int]:
    """The lines of the escalations' table: those there are, and blank ones for more."""
    return range(min(int(values.get("steps") or 0) + EMPTY_STEPS, MOST_STEPS))
