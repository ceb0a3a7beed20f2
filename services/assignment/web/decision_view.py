"""View model of a routing decision: one sentence, and the details behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.assignment.web.decision_rules import rules_text
from shared.contracts.vocabulary import OutReason
from shared.kit.i18n.messages import gettext, ngettext, pgettext
from shared.kit.i18n.messages import marked as _
from shared.kit.i18n.vocabulary import capitalised, out_reason_word

Names = Mapping[str, str]
Details = Mapping[str, Any]

STRATEGIES = {
    "least_loaded": _("Fewest open tickets first (version %(version)s of the team)"),
    "round_robin": _("Longest since their last ticket first (version %(version)s of the team)"),
    "weighted": _("By weights (version %(version)s of the team)"),
    "manual": _("Dealt out by hand (version %(version)s of the team)"),
}
CAUSES = {
    "new": _("The ticket was new."),
    "backlog": _("The ticket had waited until somebody had room."),
    "reopened": _("The ticket was reopened."),
    "offer_lapsed": _("An offer to somebody else had lapsed."),
    "absent": _("Whoever had the ticket is out of office."),
}
REASONS = {
    "rule": _("a routing rule names them"),
    "last_agent": _("they had it before, and have room"),
    "delegate": _("they stand in for whoever had it"),
    "manual": _("the team deals out its tickets by hand"),
}
"""What settled it where nobody was compared."""
AMONG = {
    "longest_idle": (
        _("longest since their last ticket among %(count)s available"),
        _("longest since their last ticket among %(count)s available %(having)s"),
    ),
    "weight": (
        _("next by weight among %(count)s available"),
        _("next by weight among %(count)s available %(having)s"),
    ),
    "preferred_skill": (
        _("best in the preferred skills among %(count)s available"),
        _("best in the preferred skills among %(count)s available %(having)s"),
    ),
}
"""What settled it among several, without and with skills that the ticket needs."""
FEWEST = (
    _("fewest open tickets among %(count)s available"),
    _("fewest open tickets among %(count)s available %(having)s"),
)
ONLY = (_("the only one available"), _("the only one available %(having)s"))
ONLY_AGENT = (_("its only agent was not available"), _("its only agent was not available %(having)s"))
NONE_OF = (
    _("none of its %(count)s agents was available"),
    _("none of its %(count)s agents was available %(having)s"),
)


@dataclass(frozen=True, slots=True)
class CandidateLine:
    """One agent who was considered."""

    name: str
    load: str
    out: str
    """Why not; empty if they could have got it."""
    is_chosen: bool
    levels: str


@dataclass(frozen=True, slots=True)
class DecisionView:
    """The sentence, and what stands behind it."""

    sentence: str
    cause: str
    rules: Sequence[str]
    skills: str
    strategy: str
    tie_break: str
    candidates: Sequence[CandidateLine]
    more: int = 0
    """Candidates whom the evidence counts and does not name."""


def decision_view(details: Details, names: Names, assignee_id: str | None) -> DecisionView:
    """Of the evidence of a decision; older code's evidence says less."""
    chosen = details.get("offered_to") or details.get("agent_id")
    lines = [_line(one, names, chosen) for one in details["candidates"]]
    version = details.get("strategy_version")
    strategy = STRATEGIES.get(str(details.get("strategy")), "")
    return DecisionView(
        sentence=gettext(
            "%(decision)s: %(reason)s.",
            decision=_verb(details, names, chosen, assignee_id),
            reason=_because(details, lines),
        ),
        cause=gettext(CAUSES.get(str(details.get("cause")), "")),
        rules=[_rule(one) for one in details.get("matched_rules") or ()] or [capitalised(rules_text(details["rule"]))],
        skills=", ".join(_skill(one) for one in details.get("demanded_skills") or ()),
        strategy=gettext(strategy, version=version) if strategy and version else "",
        tie_break=_tie_break(details),
        candidates=sorted(lines, key=lambda line: (not line.is_chosen, bool(line.out), line.name.casefold())),
        more=_more(details, "available") + _more(details, "out"),
    )


def _verb(details: Details, names: Names, chosen: str | None, assignee_id: str | None) -> str:
    if chosen is None:
        team = names.get(str(details["team_id"])) or pgettext("place", "the team")
        return gettext("Nobody in %(team)s was chosen", team=team)
    name = names.get(str(chosen)) or pgettext("object", "an agent")
    if details.get("decided_by") == "last_agent":
        return gettext("Stays with %(agent)s", agent=name)
    if str(chosen) == assignee_id:
        return gettext("Assigned to %(agent)s", agent=name)
    if details.get("offered_to"):
        return gettext("Offered to %(agent)s", agent=name)
    return gettext("%(agent)s was chosen", agent=name)


def _because(details: Details, lines: Sequence[CandidateLine]) -> str:
    """What settled it, and among whom."""
    fit = sum(not line.out for line in lines) + _more(details, "available")
    considered = len(lines) + _more(details, "available") + _more(details, "out")
    skills = [one["name"] for one in details.get("demanded_skills") or () if one["is_required"]]
    skills = skills or list(details.get("required_skills") or ())
    decided_by = str(details.get("decided_by"))
    if decided_by in REASONS:
        return gettext(REASONS[decided_by])
    if decided_by in AMONG:
        return _told(AMONG[decided_by], fit, skills)
    if decided_by == "only_candidate":
        return _told(ONLY, fit, skills)
    if fit and decided_by != "nobody_fits":
        return _told(FEWEST, fit, skills)
    if not lines:
        return gettext("nobody works in the team")
    return _told(ONLY_AGENT if considered == 1 else NONE_OF, considered, skills)


def _more(details: Details, kind: str) -> int:
    return int(details.get(f"more_{kind}") or 0)


def _told(messages: tuple[str, str], count: int, skills: Sequence[str]) -> str:
    """One of two messages: the one that names skills, if there are any."""
    plain, with_skills = messages
    if not skills:
        return gettext(plain, count=count)
    having = ngettext("with skill %(names)s", "with skills %(names)s", len(skills), names=", ".join(skills))
    return gettext(with_skills, count=count, having=having)


def _line(one: Mapping[str, Any], names: Names, chosen: str | None) -> CandidateLine:
    out = one.get("out") or ("" if one["is_available"] else OutReason.AWAY)
    capacity = one.get("capacity")
    return CandidateLine(
        name=names.get(str(one["agent_id"]), "?"),
        load=gettext("%(load)s of %(capacity)s", load=one["load"], capacity=capacity)
        if capacity is not None
        else str(one["load"]),
        out=out_reason_word(out) if out else "",
        is_chosen=str(one["agent_id"]) == str(chosen),
        levels=", ".join(f"{name} {level}" for name, level in (one.get("levels") or {}).items()),
    )


def _rule(one: Mapping[str, Any]) -> str:
    words = capitalised(rules_text(one["words"]))
    return (
        gettext("%(rule)s (version %(version)s)", rule=words, version=one["version"]) if one.get("rule_id") else words
    )


def _skill(one: Mapping[str, Any]) -> str:
    name, level = one["name"], one["level"]
    if level > 1:
        return (
            gettext("%(skill)s from level %(level)s", skill=name, level=level)
            if one["is_required"]
            else gettext("%(skill)s from level %(level)s (preferred)", skill=name, level=level)
        )
    return name if one["is_required"] else gettext("%(skill)s (preferred)", skill=name)


def _tie_break(details: Details) -> str:
    match details.get("tie_break"):
        case "longest_idle":
            return gettext("Between equals: the longest since their last ticket.")
        case "lowest_id":
            return gettext("Between equals: the first in the list of agents.")
        case _:
            return ""
