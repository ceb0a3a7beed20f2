"""Forms as administrators write them."""

from typing import Any

from services.intake.forms import Form

Json = dict[str, Any]
CHOICES = [
    {"key": "web", "label": "Website"},
    {"key": "app", "label": "The app"},
    {"key": "atm", "label": "Cash point"},
]


def field(kind: str, name: str = "it", **more: Any) -> Json:
    """A field of a kind, with what the kind cannot do without."""
    choices = {"choices": CHOICES} if kind in ("choice", "multi_choice") else {}
    return {"kind": kind, "name": name, "label": name.title()} | choices | more


def form_of(*fields: Json) -> Form:
    """The form of these fields."""
    return Form.parse(list(fields))
