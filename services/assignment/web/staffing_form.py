"""The form of a staffing simulation: its fields read into what the API takes, and back."""

from collections.abc import Mapping
from typing import Any, Final

from services.assignment.schemas.staffing import StaffingInput
from services.assignment.web.admin.duration_text import format_duration_text, parse_duration_text
from services.assignment.web.admin.submitted_form import SubmittedForm, refuse_field
from shared.contracts.vocabulary import Priority, Strategy
from shared.kit.i18n.messages import gettext, marked

ARRIVALS: Final = {"history": marked("Those of the last days, from the log"), "generated": marked("Generated ones")}
HANDLING: Final = {"measured": marked("As measured in the log"), "given": marked("As given here")}
DISTRIBUTIONS: Final = {
    "lognormal": marked("Mostly short, some long (log-normal)"),
    "exponential": marked("Exponential"),
    "fixed": marked("Always the same"),
}
STRATEGIES: Final = {
    Strategy.LEAST_LOADED.value: marked("Whoever has the fewest"),
    Strategy.ROUND_ROBIN.value: marked("In turn"),
    Strategy.WEIGHTED.value: marked("By weight"),
}
NUMBERS: Final = ("days", "least", "most", "step", "seed")
FIELDS: Final[Mapping[tuple[str, ...], str]] = {
    ("arrivals", "source"): "arrivals",
    ("arrivals", "days"): "days",
    ("arrivals", "hourly_rates"): "rates",
    ("arrivals", "priorities"): "priorities",
    ("handling", "mean_seconds"): "mean",
    ("handling", "distribution"): "distribution",
    ("handling", "spread"): "spread",
}
BLANK: Final = StaffingInput()


def staffing_fields(form: SubmittedForm) -> dict[str, Any]:
    """What a form asks, as the API takes it. Raises FormRefused for a field that cannot be read."""
    numbers = {name: _whole(form, name) for name in NUMBERS}
    days = numbers.pop("days")
    arrivals: dict[str, Any] = {"source": form.text("arrivals") or "history", "days": days}
    if arrivals["source"] == "generated":
        arrivals |= {"hourly_rates": _rates(form), "priorities": _priorities(form)}
    handling: dict[str, Any] = {"source": form.text("handling") or "measured"}
    if handling["source"] == "given":
        handling |= {"mean_seconds": _mean(form), "distribution": form.text("distribution") or "lognormal"}
        handling["spread"] = _decimal(form, "spread")
    return {
        **numbers,
        "team": form.optional("team"),
        "policy_id": form.optional("policy_id"),
        "strategy": form.optional("strategy"),
        "arrivals": arrivals,
        "handling": handling,
        "hours": form.all("hours"),
        "open_tickets": _whole(form, "open_tickets") if form.text("open_tickets") else None,
        "first_response_share": _decimal(form, "first_response_share") / 100,
        "goal_percent": _decimal(form, "goal_percent"),
    }


def staffing_values(asked: StaffingInput = BLANK) -> dict[str, Any]:
    """A question as the fields of the form show it."""
    shares = asked.arrivals.priorities
    return {
        "team": asked.team or "",
        "policy_id": asked.policy_id or "",
        "strategy": asked.strategy.value if asked.strategy else "",
        "arrivals": asked.arrivals.source,
        "days": asked.arrivals.days,
        "rates": ", ".join(f"{rate:g}" for rate in asked.arrivals.hourly_rates),
        "handling": asked.handling.source,
        "distribution": asked.handling.distribution,
        "mean": format_duration_text(round(asked.handling.mean_seconds), has_days=False),
        "spread": f"{asked.handling.spread:g}",
        "least": asked.least,
        "most": asked.most,
        "step": asked.step,
        "hours": [hours for hours in asked.hours if isinstance(hours, str)],
        "open_tickets": asked.open_tickets or "",
        "first_response_share": f"{100 * asked.first_response_share:g}",
        "goal_percent": f"{asked.goal_percent:g}",
        "seed": asked.seed,
        **{f"share-{priority.value}": f"{shares.get(priority, 0):g}" for priority in Priority},
    }


def typed_staffing(form: SubmittedForm) -> Mapping[str, Any]:
    """A form's fields as they were typed."""
    return form.typed | {"hours": form.all("hours")}


def field_of(place: tuple[Any, ...]) -> str:
    """The field for a place in the question's JSON, such as ("arrivals", "hourly_rates")."""
    names = tuple(str(part) for part in place)
    return FIELDS.get(names[:2], names[0] if names else "form")


def _whole(form: SubmittedForm, name: str) -> int:
    found = form.number(name)
    if found is None:
        raise refuse_field(name, gettext("Write a whole number"))
    return found


def _decimal(form: SubmittedForm, name: str) -> float:
    return _number(name, form.text(name).removesuffix("%").strip())


def _number(name: str, text: str) -> float:
    """A plain decimal number; not what Python takes beyond that, such as `nan` and `1e9`."""
    whole, _, part = text.partition(".")
    if not (whole + part).isascii() or not whole.isdigit() or not (part or "0").isdigit() or len(text) > 12:
        raise refuse_field(name, gettext("Write a number such as 4 or 2.5"))
    return float(text)


def _rates(form: SubmittedForm) -> list[float]:
    texts = form.text("rates").replace(",", " ").split()
    return [_number("rates", text) for text in texts[:200]]


def _priorities(form: SubmittedForm) -> dict[str, float]:
    shares = {one.value: form.text(f"share-{one.value}") for one in Priority}
    return {name: _number(f"share-{name}", text) for name, text in shares.items() if text}


def _mean(form: SubmittedForm) -> int:
    try:
        seconds = parse_duration_text(form.text("mean"))
    except ValueError as error:
        raise refuse_field("mean", str(error)) from error
    if not isinstance(seconds, int):
        raise refuse_field("mean", gettext("Write a time such as 20m or 1h 30m"))
    return seconds
