"""What an event is: a class with its name and version, carried in a CloudEvents 1.0 envelope."""

from typing import Any, ClassVar, Literal, Self
from uuid import UUID

from pydantic import Field, JsonValue

from shared.contracts.base import Instant, WireModel

EVENTS: dict[str, type["Event"]] = {}
"""Every event class by its type, e.g. `everdesk.ticket.assigned.v1`."""


class Envelope(WireModel):
    """CloudEvents 1.0, structured JSON mode. `id` is also the `Nats-Msg-Id` and a webhook's id."""

    specversion: Literal["1.0"] = "1.0"
    id: str
    source: str
    type: str
    subject: str
    time: Instant
    datacontenttype: Literal["application/json"] = "application/json"
    traceparent: str | None = Field(default=None, exclude_if=lambda parent: parent is None)
    """CloudEvents' extension for distributed tracing; left out where nothing is traced."""
    data: dict[str, JsonValue]

    @property
    def nats_subject(self) -> str:
        """Where the event goes on the bus: its type followed by the entity it is about."""
        return f"{self.type}.{self.subject}"

    def open(self) -> "Event":
        """The typed event inside.

        Raises KeyError for a type this version does not know, pydantic.ValidationError for bad data.
        """
        return EVENTS[self.type].model_validate(self.data)


class Event(WireModel):
    """A fact, named in the past tense. Subclass with `name=` (and `version=`): that is its only definition."""

    event_name: ClassVar[str] = ""
    event_version: ClassVar[int] = 1
    produced_by: ClassVar[str] = ""
    is_for_outsiders: ClassVar[bool] = False
    """Whether nothing of Everdesk listens to it: it is kept where it was made, and sent only where asked for."""

    def __init_subclass__(cls, **_definition: Any) -> None:
        super().__init_subclass__()

    @classmethod
    def __pydantic_init_subclass__(cls, *, name: str = "", version: int = 1, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if not name:
            return
        cls.event_name, cls.event_version = name, version
        if cls.type() in EVENTS:
            raise TypeError(f"{cls.type()} is defined twice")
        EVENTS[cls.type()] = cls

    @classmethod
    def type(cls) -> str:
        """The CloudEvents type."""
        return f"everdesk.{cls.event_name}.v{cls.event_version}"

    @classmethod
    def subjects(cls) -> str:
        """The subject filter that matches every event of this class."""
        return f"{cls.type()}.*"

    @property
    def entity_id(self) -> UUID:
        """The ticket, agent, team, topic or requester the event is about."""
        raise NotImplementedError

    def envelope(self, event_id: str, at: Instant) -> Envelope:
        """Wraps the event; `event_id` must be the same each time the same fact is announced."""
        return Envelope(
            id=event_id,
            source=f"/everdesk/{self.produced_by}",
            type=self.type(),
            subject=str(self.entity_id),
            time=at,
            data=self.model_dump(mode="json"),
        )

    @classmethod
    def of(cls, envelope: Envelope) -> Self:
        """The typed event of an envelope known to be of this class."""
        return cls.model_validate(envelope.data)
