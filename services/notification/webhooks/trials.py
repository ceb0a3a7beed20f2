"""Test deliveries: an event of its own kind, sent at once and kept nowhere."""

from uuid import UUID

from services.notification.webhooks.attempts import AttemptOutcome, AttemptResult, attempt
from services.notification.webhooks.ledger import WebhookLedger
from services.notification.webhooks.schemas import WebhookTestResult
from shared.contracts.events import Envelope
from shared.kit.clock import new_id, utc_now
from shared.kit.http.problems import not_found
from shared.kit.http.safe_client import SafeHttpClient

TYPE = "everdesk.webhook.tested.v1"


async def send_test(ledger: WebhookLedger, client: SafeHttpClient, webhook_id: UUID) -> WebhookTestResult:
    """Sends a test event, whatever the state of the endpoint. Raises Problem 404."""
    endpoint = await ledger.endpoint(webhook_id)
    if endpoint is None:
        raise not_found("webhook")
    event = Envelope(
        id=f"test-{new_id()}",
        source="/everdesk/notification",
        type=TYPE,
        subject=str(webhook_id),
        time=utc_now(),
        data={"webhook_id": str(webhook_id)},
    )
    if endpoint.problem is not None:
        result = AttemptResult(AttemptOutcome.FAILED, error=endpoint.problem)
    else:
        result = await attempt(client, endpoint.url, event.id, event.model_dump_json().encode(), endpoint.secrets)
    return WebhookTestResult(
        delivered=result.outcome is AttemptOutcome.DELIVERED,
        event_id=event.id,
        status=result.status,
        answer=result.answer,
        error=result.error,
        duration_ms=result.duration_ms,
    )
