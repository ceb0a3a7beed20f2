"""Routing rule conditions as wire models: groups of conditions on a new ticket, the JSON of `/v1/routing-rules`."""

import re
from collections.abc import Iterator
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from shared.contracts.base import StrictModel
from shared.contracts.calendars import ClockTime, Weekday
from shared.contracts.vocabulary import Channel, Priority

MOST_CONDITIONS = 50
"""In one rule, however they are grouped."""
DEEPEST_GROUP = 4
_HAS_WORD = re.compile(r"[^\W_]")

Text = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Texts = Annotated[tuple[Text, ...], Field(min_length=1, max_length=100)]


def _with_a_word(value: str) -> str:
    if _HAS_WORD.search(value):
        return value
    raise PydanticCustomError("no_word", "{given} holds no letter and no digit", {"given": repr(value)})


def _lower(value: str) -> str:
    return value.strip().lower()


def _domain(value: str) -> str:
    """Validates a domain in normal form (lower case, ASCII). A leading `*.` matches subdomains."""
    wild, name = ("*.", value[2:]) if value.startswith("*.") else ("", value.removeprefix("@"))
    try:
        ascii_name = name.strip().lower().encode("idna").decode("ascii")
    except UnicodeError:
        ascii_name = ""
    if re.fullmatch(r"[a-z0-9_-]+(\.[a-z0-9_-]+)+", ascii_name):
        return wild + ascii_name
    message = "{given} is not a domain: write bank.example, or *.bank.example for what is below it"
    raise PydanticCustomError("domain", message, {"given": repr(value)})


def _not_wild(value: str) -> str:
    if value.startswith("*."):
        raise PydanticCustomError("domain", "write the domain alone: what is below it belongs to it anyway")
    return value


def _known_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        message = "{given} is not a time zone: write an IANA name such as Europe/Berlin or UTC"
        raise PydanticCustomError("time_zone", message, {"given": repr(value)}) from None
    return value


Word = Annotated[Text, AfterValidator(_with_a_word)]
Words = Annotated[tuple[Word, ...], Field(min_length=1, max_length=100)]
Domain = Annotated[str, StringConstraints(min_length=3, max_length=255), AfterValidator(_domain)]
OrganisationDomainName = Annotated[Domain, AfterValidator(_not_wild)]
Address = Annotated[str, StringConstraints(min_length=3, max_length=254), AfterValidator(_lower)]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]
Membership = Literal["is", "is_not"]


class TopicCondition(StrictModel):
    """Tests the ticket's topic against a list of slugs."""

    field: Literal["topic"]
    op: Membership = "is"
    values: Annotated[tuple[Annotated[str, StringConstraints(max_length=64)], ...], Field(min_length=1, max_length=100)]
    """Slugs; an empty one stands for a ticket without a topic."""


class ChannelCondition(StrictModel):
    """Tests the channel by which the ticket was submitted."""

    field: Literal["channel"]
    op: Membership = "is"
    values: Annotated[tuple[Channel, ...], Field(min_length=1, max_length=10)]


class PriorityCondition(StrictModel):
    """Tests the requested priority; `normal` where none was requested."""

    field: Literal["priority"]
    op: Membership = "is"
    values: Annotated[tuple[Priority, ...], Field(min_length=1, max_length=10)]


class RequesterCondition(StrictModel):
    """Tests the requester's e-mail address."""

    field: Literal["requester"]
    op: Membership = "is"
    values: Annotated[tuple[Address, ...], Field(min_length=1, max_length=100)]


class DomainCondition(StrictModel):
    """Tests the domain of the requester's e-mail address."""

    field: Literal["domain"]
    op: Membership = "is"
    values: Annotated[tuple[Domain, ...], Field(min_length=1, max_length=100)]


class LanguageCondition(StrictModel):
    """Tests the detected language of subject and body."""

    field: Literal["language"]
    op: Membership = "is"
    values: Annotated[tuple[Language, ...], Field(min_length=1, max_length=50)]


class WordsCondition(StrictModel):
    """Tests for whole words or phrases, ignoring case: any, all or none of them."""

    field: Literal["subject", "body", "text"]
    """`text` is subject and body together."""
    op: Literal["any", "all", "none"] = "any"
    values: Words


class FormFieldCondition(StrictModel):
    """Tests the answer to a field of the topic's form."""

    field: Literal["form_field"]
    name: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    op: Literal["is", "is_not", "any", "all", "none", "at_least", "at_most", "is_set", "is_not_set"] = "is"
    """`any`, `all` and `none` look for words; `at_least` and `at_most` compare numbers, or dates as YYYY-MM-DD."""
    values: Annotated[tuple[Text, ...], Field(max_length=100)] = ()

    @model_validator(mode="after")
    def _has_what_the_comparison_needs(self) -> Self:
        if self.op in {"is_set", "is_not_set"}:
            if self.values:
                raise PydanticCustomError("no_values", "this comparison takes no values")
        elif not self.values:
            raise PydanticCustomError("values_missing", "say what to compare with in values")
        if self.op in {"at_least", "at_most"} and len(self.values) != 1:
            raise PydanticCustomError("one_value", "this comparison takes one value")
        return self


class TimeCondition(StrictModel):
    """Tests when the ticket was received: inside or outside a calendar's open hours or weekly hours."""

    field: Literal["time"]
    op: Literal["within", "outside"] = "within"
    calendar: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")] | None = None
    """The slug of one of `/v1/calendars`; without it `timezone`, `days` and `hours` say when."""
    timezone: Annotated[str, StringConstraints(max_length=64), AfterValidator(_known_zone)] | None = None
    days: Annotated[tuple[Weekday, ...], Field(max_length=7)] = ()
    """Left out: every day."""
    hours: tuple[ClockTime, ClockTime] = ("00:00", "24:00")
    """From and until; what ends before it starts runs into the next day."""

    @model_validator(mode="after")
    def _names_one_clock(self) -> Self:
        if (self.calendar is None) == (self.timezone is None):
            raise PydanticCustomError("one_clock", "name either a calendar or a timezone")
        if self.calendar is not None and (self.days or self.hours != ("00:00", "24:00")):
            raise PydanticCustomError("one_clock", "a calendar has its own days and hours")
        return self


Condition = Annotated[
    TopicCondition
    | ChannelCondition
    | PriorityCondition
    | RequesterCondition
    | DomainCondition
    | LanguageCondition
    | WordsCondition
    | FormFieldCondition
    | TimeCondition,
    Field(discriminator="field"),
]


class ConditionGroup(StrictModel):
    """A group of conditions and nested groups, of which all, any or none must hold."""

    match: Literal["all", "any", "none"] = "all"
    conditions: Annotated[tuple[Condition, ...], Field(max_length=MOST_CONDITIONS)] = ()
    groups: Annotated[tuple["ConditionGroup", ...], Field(max_length=MOST_CONDITIONS)] = ()

    @property
    def is_empty(self) -> bool:
        """Whether the group has no condition; an empty group matches every ticket."""
        return not self.conditions and all(group.is_empty for group in self.groups)

    def walk(self) -> Iterator[Condition]:
        """Yields every condition of the group and its nested groups."""
        yield from self.conditions
        for group in self.groups:
            yield from group.walk()

    @property
    def depth(self) -> int:
        """The nesting depth of the groups."""
        return 1 + max((group.depth for group in self.groups), default=0)

    @model_validator(mode="after")
    def _can_be_evaluated(self) -> Self:
        if sum(1 for _ in self.walk()) > MOST_CONDITIONS:
            message = "a rule has at most {most} conditions"
            raise PydanticCustomError("too_many", message, {"most": MOST_CONDITIONS})
        if self.depth > DEEPEST_GROUP:
            message = "groups are nested at most {most} deep"
            raise PydanticCustomError("too_deep", message, {"most": DEEPEST_GROUP})
        return self
