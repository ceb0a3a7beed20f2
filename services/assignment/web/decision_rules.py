"""The rules behind a decision, in the reader's language.

Evidence names rules as their authors do, and has a few English sentences where no rule decided.
"""

from shared.kit.i18n.messages import marked as _
from shared.kit.i18n.refusal_texts import RefusalTexts

SEPARATOR = "; "
SENTENCES = RefusalTexts(
    (
        _("no rule matches: the fallback team"),
        _("no rule names a team: the fallback team"),
        _("its SLA policy is not active"),
        _("was with an agent"),
        _("waited in the team"),
        _("%(name)s is not active"),
    )
)


def rules_text(words: str) -> str:
    """Returns the rules of a decision as the evidence joins them; names of rules stay as they are."""
    return SEPARATOR.join(SENTENCES.text_of(one) for one in words.split(SEPARATOR))
