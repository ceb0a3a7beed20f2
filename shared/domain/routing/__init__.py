"""Routing of new tickets, pure: rules say what a ticket demands, and the choice finds its agent, with the reason."""

from shared.domain.routing.demand import HIGHEST_LEVEL, LOWEST_LEVEL, Demand, MatchedRule, SkillDemand
from shared.domain.routing.rules import FALLBACK, AgentChoice, Rule, first_match, pick_agent, priority_for

__all__ = [
    "FALLBACK",
    "HIGHEST_LEVEL",
    "LOWEST_LEVEL",
    "AgentChoice",
    "Demand",
    "MatchedRule",
    "Rule",
    "SkillDemand",
    "first_match",
    "pick_agent",
    "priority_for",
]
