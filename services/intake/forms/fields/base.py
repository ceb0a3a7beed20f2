"""What all custom fields have in common: a name, words for people, for whom they are, and when they are asked."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated

from pydantic import StringConstraints

from services.intake.forms.conditions import Answer, FieldName, ShownIf
from shared.kit.http.inputs import Flag, Input, Line

Hint = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]


class Audience(StrEnum):
    """For whom a field is: everyone, or agents and the client programs that speak for them."""

    EVERYONE = "everyone"
    AGENTS = "agents"


class BaseField(Input):
    """What every custom field says about itself."""

    name: FieldName
    """The key in a ticket's `fields`."""
    label: Line
    hint: Hint = ""
    """How to answer, in a sentence."""
    required: Flag = False
    """A checkbox that is required must be ticked."""
    visible_to: Audience = Audience.EVERYONE
    """What is for agents is neither shown to requesters nor taken from them."""
    shown_if: ShownIf | None = None
    """Ask only if an earlier field was answered so."""

    @property
    def requirement(self) -> str:
        """What an answer must be, as the rest of a sentence about it."""
        raise NotImplementedError

    def read(self, given: object) -> Answer:
        """The answer as it is kept. Raises ValueError with the requirement it misses."""
        raise NotImplementedError

    def refusal(self) -> ValueError:
        """What is raised for an answer that will not do."""
        return ValueError(self.requirement)


def first_repeated(words: Iterable[str]) -> str | None:
    """The first word that was there before."""
    seen: set[str] = set()
    for word in words:
        if word in seen:
            return word
        seen.add(word)
    return None


def between(low: object | None, high: object | None) -> str:
    """The bounds as the end of a sentence, as far as there are any."""
    match low, high:
        case None, None:
            return ""
        case _, None:
            return f" not below {low}"
        case None, _:
            return f" not above {high}"
    return f" from {low} to {high}"
