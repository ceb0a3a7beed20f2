"""Pure evaluation of routing rules: conditions compiled to functions, ordered rules applied to a ticket."""

from shared.domain.routing_rules.conditions import calendars_named, compiled
from shared.domain.routing_rules.evaluation import CompiledRule, RulesOutcome, evaluate, in_order
from shared.domain.routing_rules.facts import TicketFacts, text_of_html
from shared.domain.routing_rules.language import LANGUAGES
from shared.domain.routing_rules.words import describe_conditions

__all__ = [
    "LANGUAGES",
    "CompiledRule",
    "RulesOutcome",
    "TicketFacts",
    "calendars_named",
    "compiled",
    "describe_conditions",
    "evaluate",
    "in_order",
    "text_of_html",
]
