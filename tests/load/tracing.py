"""What traces cost a request, an announced event and a consumed one: off as by default, and on."""

import json
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from statistics import median

from starlette.types import Message, Receive, Scope, Send

from shared.kit.http.conventions import Conventions, usual_body_limit
from shared.kit.outbox import row_of
from shared.kit.trace_export import BATCH, otlp_document
from shared.kit.tracing import Span, TracedEvent, consumer_spans, server_span, set_exporter
from tests.load.report import Budget, Report, Table
from tests.support.scripted_ticket import ScriptedTicket

METHOD = """\
One process, CPU time of one core, medians of rounds. A *request* goes through the middleware that every request goes
through, to an application that answers at once; an *announced event* is made into its outbox row; a *consumed event* is
what surrounds the consumer's handler. *Export* makes what is sent of a span, in a thread beside."""
ROUNDS, TIMES = 7, 3000
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
MOST_MICROSECONDS_ON = 100
SCOPE = {"type": "http", "method": "GET", "path": "/v1/tickets", "headers": [], "client": ("127.0.0.1", 1)}


@dataclass
class LastBatch:
    """An exporter that keeps the newest batch."""

    spans: list[Span] = field(default_factory=list)

    def export(self, span: Span) -> None:
        """Keeps it."""
        if len(self.spans) >= BATCH:
            self.spans.clear()
        self.spans.append(span)


async def run() -> Report:
    """Measures both, and judges what a request costs more."""
    exporter = LastBatch()
    off, on = [await _costs(None) for _ in range(ROUNDS)], [await _costs(exporter) for _ in range(ROUNDS)]
    started = time.process_time()
    json.dumps(otlp_document("bench", exporter.spans))
    export = (time.process_time() - started) / len(exporter.spans) * 1e6
    names = ("request", "announced event", "consumed event")
    rows = [(name, median(x[i] for x in off), median(x[i] for x in on)) for i, name in enumerate(names)]
    more = sum(with_traces - without for _, without, with_traces in rows) + 3 * export
    return Report(
        "tracing",
        "The cost of traces",
        METHOD,
        [Table("Microseconds each", ("what", "off", "on"), [*rows, ("export of a span", 0, export)])],
        [Budget("one of each with its export, µs more than without", more, "<=", MOST_MICROSECONDS_ON)],
    )


async def _costs(exporter: LastBatch | None) -> tuple[float, float, float]:
    """Microseconds for a request, an announced event and a consumed one."""
    event, conventions = ScriptedTicket().log[0], Conventions(_answer, "bench", usual_body_limit)
    set_exporter(exporter)
    try:
        request = await _each(lambda: conventions(dict(SCOPE), _receive, _send))
        with server_span(None):
            announced = _each_now(lambda: row_of(event))
        handled = [TracedEvent(event.id, event.type, event.subject, PARENT)] if exporter else []
        consumed = _each_now(lambda: _enter(consumer_spans("bench", handled, is_alone=True)))
    finally:
        set_exporter(None)
    return request, announced, consumed


def _enter(block: AbstractContextManager[None]) -> None:
    with block:
        pass


async def _each(work: Callable[[], Awaitable[object]]) -> float:
    started = time.process_time()
    for _ in range(TIMES):
        await work()
    return (time.process_time() - started) / TIMES * 1e6


def _each_now(work: Callable[[], object]) -> float:
    started = time.process_time()
    for _ in range(TIMES):
        work()
    return (time.process_time() - started) / TIMES * 1e6


async def _answer(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def _receive() -> Message:
    return {"type": "http.request"}


async def _send(_message: Message) -> None:
    return
