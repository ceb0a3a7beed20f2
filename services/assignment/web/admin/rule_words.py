"""When a routing rule matches and what it would change, in the reader's language.

Evidence keeps the English words of the domain: it is written once, and read by programs.
"""

from collections.abc import Mapping

from services.assignment.schemas.routing_rules import RoutingRuleView
from shared.contracts.vocabulary import Priority
from shared.domain.routing_rules.words import Wording, describe_conditions, joined
from shared.kit.i18n.languages import ENGLISH, current_language
from shared.kit.i18n.messages import gettext
from shared.kit.i18n.messages import marked as _
from shared.kit.i18n.vocabulary import priority_name

CHANGED = {
    "team": _("team"),
    "priority": _("priority"),
    "policy": _("policy"),
    "assignee": _("assignee"),
    "tags": _("tags"),
    "skills": _("skills"),
}
"""What a rule would route differently, as `routing_rules.preview.differences` names it."""


def words_of(rule: RoutingRuleView, topics: Mapping[str, str]) -> str:
    """Returns when a rule matches, with the names of topics."""
    parts = [gettext("topic is %(name)s", name=topics.get(rule.topic, rule.topic))] if rule.topic else []
    parts += [gettext("priority is %(name)s", name=_priority(rule.priority))] if rule.priority else []
    parts += [words] if (words := describe_conditions(rule.conditions, TRANSLATED)) else []
    return joined(parts, TRANSLATED, is_all=True) or gettext("any ticket")


def _priority(priority: Priority) -> str:
    return priority.value if current_language() is ENGLISH else priority_name(priority)


TRANSLATED = Wording(gettext, _priority)
"""The words of conditions in the reader's language."""
