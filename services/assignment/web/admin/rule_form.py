"""Converts a routing rule between its form and the API's model."""

from typing import Any

from services.assignment.schemas.routing_rules import RoutingRuleView
from services.assignment.web.admin.condition_form import as_json, read_form, without_blanks
from services.assignment.web.admin.submitted_form import FormRefused, SubmittedForm
from shared.kit.i18n.messages import gettext
from shared.kit.i18n.messages import marked as _

MODES = (
    ("active", _("Active")),
    ("monitor", _("Monitor only: counts what it would do")),
    ("off", _("Off")),
)
CHOSEN = ("topic", "priority", "policy_id", "set_priority", "team_id", "assignee_id")


def fields_of(form: SubmittedForm, stored: RoutingRuleView | None = None) -> dict[str, Any]:
    """What the API would be sent. Raises FormRefused for skills and hours that cannot be read."""
    required = _skills(form, "skills")
    return {
        **{name: form.optional(name) for name in CHOSEN},
        "name": form.text("name"),
        "mode": form.text("mode") or "active",
        "conditions": as_json(without_blanks(read_form(form)), stored.conditions if stored else None),
        "overrides": form.is_ticked("overrides"),
        "stop": form.is_ticked("stop"),
        "tags": tuple(_words(form.text("tags"))),
        "skills": tuple(name for name, level in required.items() if level is None),
        "skill_levels": {name: level for name, level in required.items() if level is not None},
        "preferred_skills": {name: level or 1 for name, level in _skills(form, "preferred_skills").items()},
    }


def values_of(rule: RoutingRuleView) -> dict[str, Any]:
    """What the form shows of a rule."""
    levels = dict.fromkeys(rule.skills, 1) | rule.skill_levels
    return {
        **{name: getattr(rule, name) or "" for name in (*CHOSEN, "name")},
        "mode": rule.mode,
        "overrides": "1" if rule.overrides else "",
        "stop": "1" if rule.stop else "",
        "tags": ", ".join(rule.tags),
        "skills": _levels(levels),
        "preferred_skills": _levels(rule.preferred_skills),
        "version": rule.version,
    }


def _levels(levels: dict[str, int]) -> str:
    return ", ".join(name if level == 1 else f"{name}:{level}" for name, level in levels.items())


def _words(text: str) -> list[str]:
    return text.lower().replace(",", " ").split()


def _skills(form: SubmittedForm, field: str) -> dict[str, int | None]:
    found: dict[str, int | None] = {}
    for word in _words(form.text(field)):
        name, _, level = word.partition(":")
        if level and level not in {"1", "2", "3", "4", "5"}:
            raise FormRefused(422, ((field, gettext("Write a level from 1 to 5 after the colon, such as payments:3")),))
        found[name] = int(level) if level else None
    return found
