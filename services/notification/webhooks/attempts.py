"""One attempt to deliver an event to an endpoint, and what its answer means."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum

from services.notification.webhooks.signing import signature_headers
from shared.kit.backoff import Backoff
from shared.kit.clock import utc_now
from shared.kit.http.public_addresses import OutgoingRefused
from shared.kit.http.safe_client import FetchedResponse, OutgoingFailed, RequestBudget, SafeHttpClient

RETRIES = Backoff((5, 30, 120, 600, 1800, 7200, 21_600, 86_400))
"""Seconds between attempts: the last one is made about a day and a half after the first."""
MOST_ATTEMPTS = len(RETRIES.seconds) + 1
LONGEST_WAIT = timedelta(days=1)
BUDGET = RequestBudget(max_bytes=64 * 1024, within_seconds=15.0, is_body_needed=False)
MOST_KEPT = 1000
"""Characters of an answer that are kept."""
GONE = 410
OVERLOADED = frozenset({429, 502, 503, 504})


class AttemptOutcome(StrEnum):
    """What an attempt came to."""

    DELIVERED = "delivered"
    FAILED = "failed"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """The answer of an endpoint, or the reason why there is none."""

    outcome: AttemptOutcome
    status: int | None = None
    answer: str | None = None
    error: str | None = None
    duration_ms: int = 0
    retry_after: timedelta | None = None
    """The pause that an overloaded endpoint asked for."""


async def attempt(
    client: SafeHttpClient, url: str, event_id: str, body: bytes, secrets: Sequence[bytes]
) -> AttemptResult:
    """Sends one event; a 2xx answer is its delivery. Never raises for what the endpoint does."""
    headers = {
        "Content-Type": "application/cloudevents+json; charset=utf-8",
        **signature_headers(event_id, utc_now(), body, secrets),
    }
    began = time.monotonic()
    try:
        response = await client.post(url, body, headers)
    except OutgoingRefused as error:
        return AttemptResult(AttemptOutcome.FAILED, error=f"not sent: {error}", duration_ms=_since(began))
    except OutgoingFailed as error:
        return AttemptResult(AttemptOutcome.FAILED, error=str(error), duration_ms=_since(began))
    except Exception as error:  # noqa: BLE001 - whatever a strange server causes counts as its failure
        return AttemptResult(
            AttemptOutcome.FAILED, error=f"broke off: {type(error).__name__}", duration_ms=_since(began)
        )
    return result_of(response, _since(began))


def result_of(response: FetchedResponse, duration_ms: int) -> AttemptResult:
    """Returns what an answer means."""
    status, text = response.status, _readable(response.body)
    if 200 <= status < 300:
        return AttemptResult(AttemptOutcome.DELIVERED, status, text, None, duration_ms)
    if status == GONE:
        return AttemptResult(AttemptOutcome.GONE, status, text, "410 Gone: it wants no more events", duration_ms)
    error = f"it answered {status}"
    if 300 <= status < 400:
        error = f"it answered {status}; redirects are not followed: enter the address that it leads to"
    pause = retry_after_of(response) if status in OVERLOADED else None
    return AttemptResult(AttemptOutcome.FAILED, status, text, error, duration_ms, pause)


def retry_after_of(response: FetchedResponse) -> timedelta | None:
    """Returns the pause of a `Retry-After` header, at most a day; None without a readable one."""
    text = response.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        return min(timedelta(seconds=int(text)), LONGEST_WAIT)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return min(max((_in_utc(at) - utc_now()), timedelta()), LONGEST_WAIT)


def _in_utc(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at


def _readable(body: bytes) -> str:
    text = body[: MOST_KEPT * 4].decode("utf-8", "replace").replace("\0", "")
    return text[:MOST_KEPT]


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
