"""Traces: who begins one, whose context is believed, what an event carries on, and that a collector cannot harm."""

from collections.abc import Iterator
from ipaddress import ip_network

import pytest
import structlog
from starlette.types import Message, Receive, Scope, Send

from shared.contracts.events import Envelope
from shared.kit import trace_export, tracing
from shared.kit.http.conventions import Conventions, usual_body_limit
from shared.kit.outbox import row_of
from shared.kit.trace_export import OtlpExporter
from shared.kit.tracing import (
    Span,
    SpanContext,
    SpanKind,
    TracedEvent,
    consumer_spans,
    resumed_span,
    server_span,
    set_exporter,
    span,
)
from tests.support.scripted_ticket import ScriptedTicket
from tests.support.trace_collector import TraceCollector

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Kept:
    """Keeps what is exported."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def export(self, span: Span) -> None:
        self.spans.append(span)


@pytest.fixture
def kept() -> Iterator[Kept]:
    exporter = Kept()
    set_exporter(exporter)
    yield exporter
    set_exporter(None)


def carried(envelope: Envelope) -> str | None:
    """The trace that an event takes into the outbox."""
    return Envelope.model_validate_json(row_of(envelope)["envelope"]).traceparent


@pytest.mark.parametrize(
    "written",
    [
        None,
        "",
        "00-0-0-01",
        PARENT[:-1] + "0",
        PARENT.replace("0af7651916cd43dd8448eb211c80319c", "0" * 32),
        PARENT + " ",
    ],
)
def test_what_is_no_sampled_context_is_not_read(written: str | None) -> None:
    assert SpanContext.read(written) is None
    context = SpanContext.read(PARENT)
    assert context is not None
    assert context.traceparent == PARENT


def test_with_no_collector_nothing_is_made() -> None:
    event = ScriptedTicket().log[0]
    with server_span(PARENT) as served, span("part"):
        assert served is None
        assert b"traceparent" not in row_of(event)["envelope"]


def test_an_event_carries_the_trace_and_its_consumer_goes_on_with_it(kept: Kept) -> None:
    event = ScriptedTicket().log[0]
    with server_span(None):
        assert "trace_id" in structlog.contextvars.get_contextvars()
        written = carried(event)
    with (
        consumer_spans("c", [TracedEvent("e1", event.type, event.subject, written)], is_alone=True),
        span("temporal command", SpanKind.CLIENT, **{tracing.ENTITY: event.subject}),
    ):
        assert carried(event) is not None
    with resumed_span("e1", "mail send", SpanKind.CLIENT), resumed_span("never handled", "mail send", SpanKind.CLIENT):
        pass
    request, command, consumed, sent = kept.spans
    assert sent.parent_id == consumed.context.span_id
    assert {one.context.trace_id for one in kept.spans} == {request.context.trace_id}
    assert (request.parent_id, consumed.parent_id) == (None, request.context.span_id)
    assert command.parent_id == consumed.context.span_id
    assert carried(event) is None


def test_in_a_batch_each_entity_goes_on_with_its_own_trace(kept: Kept) -> None:
    first = ScriptedTicket().log[0]
    second = first.model_copy(update={"subject": "another"})
    stranger = first.model_copy(update={"subject": "a third"})
    other = PARENT.replace("0af7", "1bf7")
    events = [TracedEvent(first.id, first.type, first.subject, PARENT)]
    events += [TracedEvent("e2", second.type, second.subject, other)]
    with pytest.raises(ValueError, match="wrong"), consumer_spans("c", events, is_alone=False):
        assert [str(carried(one))[3:7] for one in (first, second)] == ["0af7", "1bf7"]
        assert carried(stranger) is None
        raise ValueError("wrong")
    assert [one.has_failed for one in kept.spans] == [True, True]


def test_a_ratio_of_nothing_begins_no_trace(kept: Kept) -> None:
    set_exporter(kept, 0.0)
    with server_span(None) as served:
        assert served is None
    with server_span(PARENT) as served:
        assert served is not None


@pytest.mark.parametrize(("peer", "is_believed"), [("10.0.0.5", True), ("203.0.113.9", False)])
async def test_only_a_proxy_of_ours_is_believed(kept: Kept, peer: str, *, is_believed: bool) -> None:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 503, "headers": []})

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(_message: Message) -> None:
        return

    proxies = (ip_network("10.0.0.0/8"),)
    headers = [(b"traceparent", PARENT.encode())]
    scope = {"type": "http", "method": "GET", "path": "/x", "headers": headers, "client": (peer, 1)}
    conventions = Conventions(app, "t", usual_body_limit, proxies)
    await conventions(dict(scope), receive, send)
    await conventions(scope | {"path": "/readyz"}, receive, send)
    (served,) = kept.spans
    assert (served.context.traceparent[3:35] == PARENT[3:35]) is is_believed
    assert (served.name, served.has_failed) == ("GET unmatched", True)


def test_spans_reach_a_collector_and_one_that_is_away_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace_export, "MOST_WAITING", 3)
    collector = TraceCollector(0)
    exporter = OtlpExporter(collector.endpoint, "intake")
    made = Span("GET /x", SpanKind.SERVER, SpanContext("a" * 32, "b" * 16), None, 1, 2, attributes={"k": "v"})
    with collector.listening():
        for _ in range(5):
            exporter.export(made)
        exporter.flush()
    assert len(collector.spans) == 3
    assert collector.spans[0]["service"] == "everdesk-intake"
    assert (collector.spans[0]["traceId"], collector.spans[0]["startTimeUnixNano"]) == ("a" * 32, "1")
    exporter.export(made)
    exporter.flush()
