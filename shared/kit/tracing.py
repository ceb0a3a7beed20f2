"""Traces of what one request causes, across processes: W3C trace context in events, spans to an OTLP collector.

Own code instead of the OpenTelemetry SDK because only a part of it is needed: one sampler, two kinds of context, one
exporter. With no collector set nothing is made, and what remains is a look at one variable.
"""

import re
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

from structlog.contextvars import bound_contextvars

TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})", re.ASCII)
SAMPLED = 1
ENTITY = "entity.id"
"""The attribute that names the ticket, agent or other entity a span is about."""
NO_TRACE, NO_SPAN = "0" * 32, "0" * 16


class SpanKind(IntEnum):
    """As OTLP numbers them."""

    INTERNAL = 1
    SERVER = 2
    CLIENT = 3
    PRODUCER = 4
    CONSUMER = 5


@dataclass(frozen=True, slots=True)
class SpanContext:
    """Where in which trace something happens."""

    trace_id: str
    span_id: str

    @property
    def traceparent(self) -> str:
        """As W3C Trace Context writes it."""
        return f"00-{self.trace_id}-{self.span_id}-01"

    @classmethod
    def read(cls, traceparent: str | None) -> "SpanContext | None":
        """From W3C Trace Context; None for what is not one, or was not sampled."""
        found = TRACEPARENT.fullmatch(traceparent or "")
        if found is None or found[1] == NO_TRACE or found[2] == NO_SPAN or not int(found[3], 16) & SAMPLED:
            return None
        return cls(found[1], found[2])


@dataclass(frozen=True, slots=True)
class TracedEvent:
    """What is needed of an event to go on with its trace."""

    id: str
    type: str
    entity: str
    traceparent: str | None


@dataclass(slots=True)
class Span:
    """One piece of work, from its start to its end."""

    name: str
    kind: SpanKind
    context: SpanContext
    parent_id: str | None
    started_ns: int
    ended_ns: int = 0
    has_failed: bool = False
    attributes: dict[str, str] = field(default_factory=dict)


class SpanExporter(Protocol):
    """Where finished spans go."""

    def export(self, span: Span) -> None:
        """Takes a span; never blocks and never raises."""


@dataclass(frozen=True, slots=True)
class _Sampling:
    exporter: SpanExporter
    ratio: float

    def begins(self) -> bool:
        """Whether a new trace is recorded."""
        return self.ratio >= 1 or secrets.randbelow(1_000_000) < self.ratio * 1_000_000


@dataclass(frozen=True, slots=True)
class _Current:
    """The span that is under way here, and where a batch is handled, those of its events' entities."""

    span: SpanContext | None
    by_entity: Mapping[str, SpanContext] = field(default_factory=dict)


MOST_REMEMBERED = 5000
"""Events whose handling is remembered, for what they cause in this process a little later."""
_handled: dict[str, SpanContext] = {}
_sampling: _Sampling | None = None
_current: ContextVar[_Current | None] = ContextVar("trace", default=None)


def set_exporter(exporter: SpanExporter | None, ratio: float = 1.0) -> None:
    """Turns traces on for this process, or off."""
    global _sampling
    _sampling = None if exporter is None else _Sampling(exporter, ratio)


def traceparent_for(entity_id: str) -> str | None:
    """The trace in which something about an entity happens now; None where none is recorded."""
    current = _current.get()
    if current is None:
        return None
    context = current.by_entity.get(entity_id) or current.span
    return context.traceparent if context else None


@contextmanager
def server_span(parent: str | None) -> Iterator[Span | None]:
    """A request that is served: continues the trace of a caller who is believed, or begins one."""
    if _sampling is None:
        yield None
        return
    above = SpanContext.read(parent)
    if above is None and not _sampling.begins():
        yield None
        return
    with _recorded(_sampling, Span("request", SpanKind.SERVER, *_below(above), time.time_ns())) as span:
        yield span


@contextmanager
def span(name: str, kind: SpanKind = SpanKind.INTERNAL, **attributes: str) -> Iterator[None]:
    """A part of what is under way, where that is recorded; else nothing."""
    current = _current.get()
    above = None if current is None else current.by_entity.get(attributes.get(ENTITY, "")) or current.span
    if _sampling is None or above is None:
        yield
        return
    with _recorded(_sampling, Span(name, kind, *_below(above), time.time_ns(), attributes=attributes)):
        yield


@contextmanager
def consumer_spans(consumer: str, events: Sequence[TracedEvent], *, is_alone: bool) -> Iterator[None]:
    """The handling of events: a span in the trace of each that has one.

    What is announced meanwhile about an entity belongs to its trace; anything else only if one event `is_alone`.
    """
    read = [(event, SpanContext.read(event.traceparent)) for event in events]
    known = [(event, above) for event, above in read if above is not None]
    if _sampling is None or not known:
        yield
        return
    started = time.time_ns()
    spans = [
        Span(f"{consumer} {event.type}", SpanKind.CONSUMER, *_below(above), started, attributes={ENTITY: event.entity})
        for event, above in known
    ]
    _remember({event.id: one.context for (event, _), one in zip(known, spans, strict=True)})
    by_entity = {span.attributes[ENTITY]: span.context for span in spans}
    token = _current.set(_Current(spans[0].context if is_alone else None, by_entity))
    failed = True
    try:
        with bound_contextvars(trace_id=spans[0].context.trace_id) if is_alone else nullcontext():
            yield
        failed = False
    finally:
        _current.reset(token)
        for one in spans:
            one.has_failed, one.ended_ns = failed, time.time_ns()
            _sampling.exporter.export(one)


def resumed_span(event_id: str, name: str, kind: SpanKind, **attributes: str) -> AbstractContextManager[object]:
    """What an event caused that this process has handled: part of that event's trace, if it is remembered."""
    above = _handled.get(event_id)
    if _sampling is None or above is None:
        return nullcontext()
    return _recorded(_sampling, Span(name, kind, *_below(above), time.time_ns(), attributes=attributes))


def _remember(handled: Mapping[str, SpanContext]) -> None:
    _handled.update(handled)
    while len(_handled) > MOST_REMEMBERED:
        del _handled[next(iter(_handled))]


def _below(above: SpanContext | None) -> tuple[SpanContext, str | None]:
    """A new span's context and its parent's id."""
    trace_id = above.trace_id if above else secrets.token_hex(16)
    return SpanContext(trace_id, secrets.token_hex(8)), above.span_id if above else None


@contextmanager
def _recorded(sampling: _Sampling, span: Span) -> Iterator[Span]:
    """Makes it the current span, and exports it when it has ended."""
    token = _current.set(_Current(span.context))
    try:
        with bound_contextvars(trace_id=span.context.trace_id):
            yield span
    except BaseException:
        span.has_failed = True
        raise
    finally:
        _current.reset(token)
        span.ended_ns = time.time_ns()
        sampling.exporter.export(span)
