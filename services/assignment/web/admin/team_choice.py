"""Form section of a team: assignment strategy, offers and handover."""

from typing import Any, Final

from services.assignment.schemas.people import TeamView
from services.assignment.web.admin.duration_text import format_duration_text, parse_duration_text
from services.assignment.web.admin.submitted_form import SubmittedForm, refuse_field
from shared.contracts.durations import WorkingDays
from shared.contracts.vocabulary import Handover, Strategy
from shared.kit.i18n.messages import gettext
from shared.kit.i18n.messages import marked as _

STRATEGIES: Final = (
    (Strategy.LEAST_LOADED.value, _("Whoever has the fewest open tickets")),
    (Strategy.ROUND_ROBIN.value, _("In turn: longest since their last ticket")),
    (Strategy.WEIGHTED.value, _("In turn, by the agents' weights")),
    (Strategy.MANUAL.value, _("Nobody: agents take tickets themselves")),
)
HANDOVERS: Final = (
    (Handover.TEAM.value, _("They wait in the team until somebody takes them")),
    (Handover.ROUTE.value, _("The next agent is chosen")),
)


def choice_fields(form: SubmittedForm) -> dict[str, Any]:
    """What the form says, as the API takes it; older forms say nothing of it."""
    if not form.text("strategy"):
        return {}
    offered = form.text("offer_seconds")
    return {
        "strategy": form.text("strategy"),
        "handover": form.text("handover"),
        "offer_seconds": (int(offered) if offered.isascii() and offered.isdigit() else offered) if offered else None,
        "hold_seconds": _seconds(form.text("hold_seconds")),
    }


def choice_values(team: TeamView) -> dict[str, Any]:
    """What the form shows."""
    offered = team.offer_seconds if team.offer_seconds is not None else ""
    return {"strategy": team.strategy.value, "handover": team.handover.value, "offer_seconds": offered} | {
        "hold_seconds": format_duration_text(team.hold_seconds, has_days=False)
    }


def _seconds(text: str) -> int | None:
    """A time of open hours. Raises FormRefused for what is none."""
    try:
        duration = parse_duration_text(text)
    except ValueError as error:
        raise refuse_field("hold_seconds", str(error)) from error
    if isinstance(duration, WorkingDays):
        raise refuse_field("hold_seconds", gettext("Write hours or minutes, such as 4h"))
    return duration
