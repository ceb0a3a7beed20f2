"""What an editable template consists of, the variables it may use, and sample values for previews."""

import re
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from services.notification.delivery.templates import TEMPLATES, TemplateName
from services.notification.template_files import TEMPLATE_FOLDER

Part = Literal["subject", "html", "text"]
PARTS: tuple[Part, ...] = ("subject", "html", "text")
_FACT = re.compile(r"\bfacts\.(?!get\b)(\w+)|\bfacts\.get\(\"(\w+)\"")
_LITERAL = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'"
_TRANSLATED = re.compile(rf"\b(?:_|ngettext)\(\s*({_LITERAL})(?:\s*,\s*({_LITERAL}))?")
VARIABLES = frozenset(
    {
        *("product", "recipient", "link", "desk", "is_resolved", "body_html", "body_text"),
        *("ticket.number", "ticket.subject", "language.tag", "language.direction"),
    }
)
"""What every template may use, beside the facts of its event."""
LISTS = frozenset({"lines", "tickets", "also", "attachments"})
"""Facts that are lists: the only ones that a template may loop over."""
SAMPLES: dict[str, Any] = {
    "also": [],
    "attachments": ["error.png"],
    "author": "Ada Agent",
    "body": "Please restart the router and tell us whether the light turns green.",
    "change": "password_changed",
    "changed_at": "2026-01-15T09:30:00+00:00",
    "count": 2,
    "days": "2026-01-05 to 2026-01-11",
    "do": "notify",
    "due_at": "2026-01-15T11:00:00+00:00",
    "email": "grace@example.org",
    "expires_at": "2026-01-22T09:30:00+00:00",
    "into": "123457",
    "is_overdue": False,
    "lines": [{"number": "123456", "what": "Reply sent", "subject": "The printer is on fire"}],
    "metric": "first_response",
    "percent": 75,
    "previous": "Ben Agent",
    "priority": "high",
    "reason": "agent_inactive",
    "repetition": 1,
    "report": "Weekly figures",
    "resolves_at": "2026-01-20T09:30:00+00:00",
    "step": 1,
    "subject": "A question about the line in Berlin",
    "team": "Support",
    "tickets": [{"number": "123456", "priority": "high"}, {"number": "123457", "priority": "normal"}],
}


@dataclass(frozen=True, slots=True)
class TemplateContent:
    """The three parts that can be edited. What stands around them cannot: marker, question, table, button, foot."""

    subject: str
    html: str
    text: str

    def part(self, name: Part) -> str:
        """Returns one of them."""
        value: str = getattr(self, name)
        return value


@cache
def shipped_sources(name: TemplateName) -> tuple[str, str, str]:
    """Returns the shipped subject and the shipped HTML and text files of a template."""
    files = ((TEMPLATE_FOLDER / f"{name}.{kind}").read_text("utf-8") for kind in ("html", "txt"))
    html, text = files
    return TEMPLATES[name].subject, html, text


@cache
def facts_of(name: TemplateName) -> frozenset[str]:
    """Returns the facts that a template may use: those that the shipped one uses."""
    found = (_FACT.findall(source) for source in shipped_sources(name))
    return frozenset(one or other for pairs in found for one, other in pairs)


@cache
def shipped_literals(name: TemplateName) -> frozenset[str]:
    """Returns the texts that the shipped template translates: an edited one may go on using those."""
    found = (_TRANSLATED.findall(source) for source in shipped_sources(name))
    return frozenset(unquoted(literal) for pairs in found for pair in pairs for literal in pair if literal)


def unquoted(literal: str) -> str:
    """Returns the text of a quoted literal of a template."""
    return re.sub(r"\\(.)", r"\1", literal[1:-1])


def variables_of(name: TemplateName) -> list[str]:
    """Returns the names of everything a template may use, for people."""
    return sorted(VARIABLES | {f"facts.{fact}" for fact in facts_of(name)})


def sample_facts(name: TemplateName) -> dict[str, Any]:
    """Returns facts as an event of this kind would have them."""
    return {fact: SAMPLES[fact] for fact in facts_of(name) | {"body"} if fact in SAMPLES}
