"""Routing of new tickets, pure: rules say what a ticket demands, and the choice finds its agent, with the reason."""

from shared.domain.routing.agents import Absence, AgentStanding, absence_reason, level_map
from shared.domain.routing.choice import Choice, Roster
from shared.domain.routing.demand import HIGHEST_LEVEL, LOWEST_LEVEL, Demand, MatchedRule, SkillDemand
from shared.domain.routing.fairness import SHARE_PERIOD, Shares, period_start, share_of
from shared.domain.routing.rules import FALLBACK, Rule, first_match, priority_for

__all__ = [
    "FALLBACK",
    "HIGHEST_LEVEL",
    "LOWEST_LEVEL",
    "SHARE_PERIOD",
    "Absence",
    "AgentStanding",
    "Choice",
    "Demand",
    "MatchedRule",
    "Roster",
    "Rule",
    "Shares",
    "SkillDemand",
    "absence_reason",
    "first_match",
    "level_map",
    "period_start",
    "priority_for",
    "share_of",
]
