"""Agent selection as pure functions: a demand and a roster in, the chosen agent and the reason out."""

from shared.domain.routing.agents import Absence, AgentStanding, absence_reason, level_map
from shared.domain.routing.choice import AgentRoster, Choice
from shared.domain.routing.demand import HIGHEST_LEVEL, LOWEST_LEVEL, Demand, MatchedRule, SkillDemand
from shared.domain.routing.fairness import SHARE_PERIOD, Shares, period_start, share_of

__all__ = [
    "HIGHEST_LEVEL",
    "LOWEST_LEVEL",
    "SHARE_PERIOD",
    "Absence",
    "AgentRoster",
    "AgentStanding",
    "Choice",
    "Demand",
    "MatchedRule",
    "Shares",
    "SkillDemand",
    "absence_reason",
    "level_map",
    "period_start",
    "share_of",
]
