"""Form section of an agent: skills, capacity, hours and absences."""

from typing import Any

from services.assignment.schemas.people import AgentView
from services.assignment.web.admin.submitted_form import FormView, SubmittedForm
from shared.contracts.vocabulary import Priority

MOST_ABSENCES = 50
WEIGHT_OF = "takes-"
"""Before a priority: the field that says how much room a ticket of it takes."""


def ability_fields(form: SubmittedForm) -> dict[str, Any]:
    """What the form says, as the API takes it: skills as `payments:4`, a blank for what is not limited."""
    levels = dict(_skill(word) for word in form.text("skills").lower().replace(",", " ").split())
    weights = {one.value: _number(form.text(f"{WEIGHT_OF}{one.value}")) for one in Priority}
    return {
        "availability": form.text("availability"),
        "skills": tuple(levels),
        "skill_levels": {name: level for name, level in levels.items() if level is not None},
        "capacity": _number(form.text("capacity")),
        "priority_weights": {name: weight for name, weight in weights.items() if weight is not None},
        "weight": _number(form.text("weight")) or 1,
        "calendar": form.optional("calendar"),
        "out_of_office": _absences(form),
    }


def ability_values(agent: AgentView) -> dict[str, Any]:
    """What the form shows."""
    values: dict[str, Any] = {
        "availability": agent.availability.value,
        "skills": ", ".join(f"{name}:{level}" if level > 1 else name for name, level in agent.skill_levels.items()),
        "capacity": agent.capacity if agent.capacity is not None else "",
        "weight": agent.weight,
        "calendar": agent.calendar or "",
    }
    values |= {f"{WEIGHT_OF}{priority.value}": weight for priority, weight in agent.priority_weights.items()}
    for row, absence in enumerate(agent.out_of_office):
        values |= {
            f"first_day-{row}": absence.first_day.isoformat(),
            f"last_day-{row}": absence.last_day.isoformat(),
            f"delegate-{row}": str(absence.delegate_id or ""),
        }
    return values


def absence_count(view: FormView) -> int:
    """How many lines for absences the form shows: those that are filled in, and an empty one."""
    rows = [int(name[len("first_day-") :]) for name, value in view.values.items() if _is_filled(name, value)]
    return min(MOST_ABSENCES, max(rows, default=-1) + 2)


def field_of_ability(place: tuple[Any, ...]) -> str:
    """The form's field for a place in the command's input."""
    match place:
        case ("out_of_office", row, *rest):
            return f"{'last_day' if not rest or rest[0] == 'last_day' else 'first_day'}-{row}"
        case ("out_of_office",):
            return "first_day-0"
        case ("priority_weights", priority, *_):
            return f"{WEIGHT_OF}{priority}"
        case ("skill_levels", *_):
            return "skills"
        case _:
            return str(place[0])


def _is_filled(name: str, value: Any) -> bool:
    return name.startswith("first_day-") and name[len("first_day-") :].isdigit() and bool(value)


def _skill(word: str) -> tuple[str, Any]:
    name, _, level = word.partition(":")
    return name, _number(level)


def _number(text: str) -> Any:
    """The number, or the text itself for the refusal to tell of; None where nothing is written."""
    return (int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text) if text else None


def _absences(form: SubmittedForm) -> list[dict[str, Any]]:
    rows = sorted(int(name[len("first_day-") :]) for name, value in form.typed.items() if _is_filled(name, value))
    return [
        {
            "first_day": form.text(f"first_day-{row}"),
            "last_day": form.text(f"last_day-{row}") or form.text(f"first_day-{row}"),
            "delegate_id": form.optional(f"delegate-{row}"),
        }
        for row in rows[:MOST_ABSENCES]
    ]
