"""View model of a routing decision: one sentence, and the details behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Names = Mapping[str, str]
Details = Mapping[str, Any]

OUT = {
    "away": "away",
    "offline": "offline",
    "out_of_office": "out of office",
    "outside_hours": "outside their working hours",
    "lacks_skill": "without a skill it needs",
    "full": "no room left",
    "passed": "did not take the offer",
    "had_share": "just had their share of what waited",
    "not_delegate": "not the delegate",
}
STRATEGIES = {
    "least_loaded": "fewest open tickets first",
    "round_robin": "longest since their last ticket first",
    "weighted": "by weights",
    "manual": "dealt out by hand",
}
CAUSES = {
    "new": "The ticket was new.",
    "backlog": "The ticket had waited until somebody had room.",
    "reopened": "The ticket was reopened.",
    "offer_lapsed": "An offer to somebody else had lapsed.",
    "absent": "Whoever had the ticket is out of office.",
}


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


def decision_view(details: Details, names: Names, assignee_id: str | None) -> DecisionView:
    """Of the evidence of a decision; older code's evidence says less."""
    chosen = details.get("offered_to") or details.get("agent_id")
    lines = [_line(one, names, chosen) for one in details["candidates"]]
    version = details.get("strategy_version")
    strategy = STRATEGIES.get(str(details.get("strategy")), "")
    return DecisionView(
        sentence=f"{_verb(details, names, chosen, assignee_id)}: {_because(details, lines)}.",
        cause=CAUSES.get(str(details.get("cause")), ""),
        rules=[_rule(one) for one in details.get("matched_rules") or ()] or [_capital(details["rule"])],
        skills=", ".join(_skill(one) for one in details.get("demanded_skills") or ()),
        strategy=f"{_capital(strategy)} (version {version} of the team)" if strategy and version else "",
        tie_break=_tie_break(details),
        candidates=sorted(lines, key=lambda line: (not line.is_chosen, bool(line.out), line.name.casefold())),
    )


def _verb(details: Details, names: Names, chosen: str | None, assignee_id: str | None) -> str:
    if chosen is None:
        return f"Nobody in {names.get(str(details['team_id']), 'the team')} was chosen"
    name = names.get(str(chosen), "an agent")
    if details.get("decided_by") == "last_agent":
        return f"Stays with {name}"
    if str(chosen) == assignee_id:
        return f"Assigned to {name}"
    return f"Offered to {name}" if details.get("offered_to") else f"{name} was chosen"


def _because(details: Details, lines: Sequence[CandidateLine]) -> str:
    """What settled it, and among whom."""
    fit = sum(not line.out for line in lines)
    skills = [one["name"] for one in details.get("demanded_skills") or () if one["is_required"]]
    skills = skills or list(details.get("required_skills") or ())
    knowing = f" with skill{'s' if len(skills) > 1 else ''} {', '.join(skills)}" if skills else ""
    among = f"among {fit} available{knowing}"
    match details.get("decided_by"):
        case "longest_idle":
            return f"longest since their last ticket {among}"
        case "weight":
            return f"next by weight {among}"
        case "only_candidate":
            return f"the only one available{knowing}"
        case "preferred_skill":
            return f"best in the preferred skills {among}"
        case "rule":
            return "a routing rule names them"
        case "last_agent":
            return "they had it before, and have room"
        case "delegate":
            return "they stand in for whoever had it"
        case "manual":
            return "the team deals out its tickets by hand"
        case "nobody_fits":
            return _nobody(lines, knowing)
        case _:
            return f"fewest open tickets {among}" if fit else _nobody(lines, knowing)


def _nobody(lines: Sequence[CandidateLine], knowing: str) -> str:
    if not lines:
        return "nobody works in the team"
    if len(lines) == 1:
        return f"its only agent was not available{knowing}"
    return f"none of its {len(lines)} agents was available{knowing}"


def _line(one: Mapping[str, Any], names: Names, chosen: str | None) -> CandidateLine:
    out = OUT.get(str(one.get("out")), "") if one.get("out") else "" if one["is_available"] else "away"
    capacity = one.get("capacity")
    return CandidateLine(
        name=names.get(str(one["agent_id"]), "?"),
        load=f"{one['load']} of {capacity}" if capacity is not None else str(one["load"]),
        out=out,
        is_chosen=str(one["agent_id"]) == str(chosen),
        levels=", ".join(f"{name} {level}" for name, level in (one.get("levels") or {}).items()),
    )


def _rule(one: Mapping[str, Any]) -> str:
    return f"{_capital(one['words'])} (version {one['version']})" if one.get("rule_id") else _capital(one["words"])


def _skill(one: Mapping[str, Any]) -> str:
    level = f" from level {one['level']}" if one["level"] > 1 else ""
    return f"{one['name']}{level}{'' if one['is_required'] else ' (preferred)'}"


def _tie_break(details: Details) -> str:
    match details.get("tie_break"):
        case "longest_idle":
            return "Between equals: the longest since their last ticket."
        case "lowest_id":
            return "Between equals: the first in the list of agents."
        case _:
            return ""


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
