"""Logs as events with fields, and the counters that `/metrics` serves."""

import logging
import sys

import structlog
from prometheus_client import Counter, Gauge, Histogram

from shared.kit.log_privacy import mask_private
from shared.kit.settings import Settings

log = structlog.stdlib.get_logger("everdesk")

HTTP_SECONDS = Histogram(
    "everdesk_http_request_seconds",
    "Duration of an HTTP request in seconds",
    ("service", "method", "route", "status"),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
EVENTS_HANDLED = Counter("everdesk_events_handled_total", "Events a consumer has settled", ("consumer", "outcome"))
CONSUMER_PAUSED = Gauge("everdesk_consumer_paused", "1 while a consumer waits for a dependency", ("consumer",))
OUTBOX_SENT = Counter("everdesk_outbox_sent_total", "Events the outbox relay has published", ("service",))
OUTBOX_PARKED = Counter(
    "everdesk_outbox_parked_total",
    "Events the bus refused until they were put aside",
    ("service",),
)
MAILBOX_AWAY = Gauge("everdesk_mailbox_away", "1 while a mailbox cannot be fetched from", ("mailbox",))
MAILS_IN = Counter("everdesk_mails_in_total", "Mails received, by source and outcome", ("source", "outcome"))
MAILS = Counter("everdesk_mails_total", "Mails by what became of them", ("template", "outcome"))
WEBHOOKS = Counter("everdesk_webhooks_total", "Attempts to deliver to webhooks, by what came of them", ("outcome",))


def configure_logging(settings: Settings, process: str) -> None:
    """Sends every log line, the libraries' too, to standard output in one format."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: structlog.types.Processor = (
        structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0, exception_formatter=structlog.dev.plain_traceback)
        if settings.log_format == "console"
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                mask_private,
                last,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    for noisy in ("uvicorn.access", "nats", "temporalio", "httpx2", "aiosmtplib"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.contextvars.bind_contextvars(process=process)
