"""Sends finished spans to an OpenTelemetry collector: OTLP over HTTP in JSON, from a thread of its own."""

import json
import threading
import urllib.request
from collections import deque
from collections.abc import Sequence
from typing import Any

from prometheus_client import Counter

from shared.kit.settings import Settings
from shared.kit.tracing import Span, set_exporter

MOST_WAITING = 4096
"""Spans kept while the collector is away; more are dropped, so that it can never hold up or fill a process."""
BATCH = 512
EVERY_SECONDS = 2.0
ANSWERS_WITHIN = 5.0
STATUS_ERROR = 2
SPANS = Counter("everdesk_spans_total", "Spans of traces by what became of them", ("outcome",))


class OtlpExporter:
    """Collects spans and posts them every two seconds, or as soon as a batch is full."""

    def __init__(self, endpoint: str, process: str) -> None:
        self._url = f"{endpoint.rstrip('/')}/v1/traces"
        self._process = process
        self._waiting: deque[Span] = deque()
        self._is_full = threading.Event()

    def start(self) -> None:
        """Starts the thread, which ends with the process."""
        threading.Thread(target=self._run, name="traces", daemon=True).start()

    def export(self, span: Span) -> None:
        """Takes a span, or drops it where too many wait."""
        if len(self._waiting) >= MOST_WAITING:
            SPANS.labels("dropped").inc()
            return
        self._waiting.append(span)
        if len(self._waiting) >= BATCH:
            self._is_full.set()

    def flush(self) -> None:
        """Posts what waits; what cannot be posted is dropped."""
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            SPANS.labels("sent" if self._post(batch) else "dropped").inc(len(batch))

    def _run(self) -> None:
        while True:
            self._is_full.wait(EVERY_SECONDS)
            self._is_full.clear()
            self.flush()

    def _post(self, batch: Sequence[Span]) -> bool:
        body = json.dumps(otlp_document(self._process, batch), separators=(",", ":")).encode()
        request = urllib.request.Request(self._url, body, {"Content-Type": "application/json"})  # noqa: S310 - a setting
        try:
            with urllib.request.urlopen(request, timeout=ANSWERS_WITHIN):  # noqa: S310 - as above
                return True
        except (OSError, ValueError):
            return False


def configure_tracing(settings: Settings, process: str) -> None:
    """Turns traces on if a collector is set."""
    if settings.traces_endpoint is None:
        return
    exporter = OtlpExporter(settings.traces_endpoint, process)
    exporter.start()
    set_exporter(exporter, settings.traces_ratio)


def otlp_document(process: str, spans: Sequence[Span]) -> dict[str, Any]:
    """Spans as OTLP writes them in JSON."""
    resource = [_attribute("service.name", f"everdesk-{process}"), _attribute("service.namespace", "everdesk")]
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": resource},
                "scopeSpans": [{"scope": {"name": "everdesk"}, "spans": [_otlp_span(span) for span in spans]}],
            }
        ]
    }


def _otlp_span(span: Span) -> dict[str, Any]:
    return {
        "traceId": span.context.trace_id,
        "spanId": span.context.span_id,
        **({"parentSpanId": span.parent_id} if span.parent_id else {}),
        "name": span.name,
        "kind": span.kind.value,
        "startTimeUnixNano": str(span.started_ns),
        "endTimeUnixNano": str(span.ended_ns),
        "attributes": [_attribute(name, value) for name, value in span.attributes.items()],
        "status": {"code": STATUS_ERROR} if span.has_failed else {},
    }


def _attribute(name: str, value: str) -> dict[str, Any]:
    return {"key": name, "value": {"stringValue": value}}
