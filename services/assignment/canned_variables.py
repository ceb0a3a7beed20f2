"""The variables of canned responses, pure: names looked up in a fixed list, never evaluated.

A value is somebody else's text inside an administrator's Markdown: it is escaped, so that a requester who is called
`[pay here](https://…)` stays a name, and it is put in once, so that a value that looks like a variable stays as it is.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from shared.kit.i18n.messages import marked as _

VARIABLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "requester.name": _("The requester's name"),
        "requester.first_name": _("The first word of the requester's name"),
        "ticket.number": _("The ticket's number"),
        "ticket.subject": _("The ticket's subject"),
        "ticket.status": _("The ticket's status, such as open"),
        "ticket.priority": _("The ticket's priority, such as high"),
        "ticket.topic": _("The topic's name"),
        "team.name": _("The name of the team that has the ticket"),
        "agent.name": _("The name of the agent who replies"),
        "agent.first_name": _("The first word of that agent's name"),
    }
)
"""Every variable and what it stands for, in the order in which people read them."""
EXAMPLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "requester.name": "Dana Ruiz",
        "requester.first_name": "Dana",
        "ticket.number": "100042",
        "ticket.subject": "Online banking system down",
        "ticket.status": "open",
        "ticket.priority": "high",
        "ticket.topic": "Online banking",
        "team.name": "Online banking",
        "agent.name": "Ada Lindqvist",
        "agent.first_name": "Ada",
    }
)
"""What a preview without a ticket shows."""
_VARIABLE = re.compile(r"\{\{[ \t]{0,8}([A-Za-z0-9_.-]{1,64})[ \t]{0,8}\}\}")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|!~&])")
_BREAKS = re.compile(r"\s+")


def unknown_variables(body: str) -> list[str]:
    """The names between double braces that stand for nothing, each once, in their order."""
    names = (found[1] for found in _VARIABLE.finditer(body))
    return list(dict.fromkeys(name for name in names if name not in VARIABLES))


def fill_in(body: str, values: Mapping[str, str]) -> str:
    """The text with its variables replaced; one without a value leaves nothing, an unknown name stays as written."""

    def value(found: re.Match[str]) -> str:
        name = found[1]
        return escaped(values.get(name, "")) if name in VARIABLES else found[0]

    return _VARIABLE.sub(value, body)


def escaped(value: str) -> str:
    """A value as one line of Markdown that says just this."""
    return _MARKDOWN.sub(r"\\\1", _BREAKS.sub(" ", value).strip())


def first_word(name: str) -> str:
    """What a person is called among friends, as far as a name tells."""
    return name.split()[0] if name.split() else ""
