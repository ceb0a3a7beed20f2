"""The application state of notification: what every request may need, built once in `app`."""

from collections.abc import Callable
from dataclasses import dataclass

from services.notification.delivery.sender_name import SenderName
from services.notification.event_feed.signal import FeedSignal
from services.notification.event_feed.streams import FeedStreams
from services.notification.mail_templates.store import EditedTemplates
from services.notification.settings import NotificationSettings
from services.notification.targets.secrets import TargetSecrets
from services.notification.webhooks.ledger import WebhookLedger
from services.notification.webhooks.signing import WebhookSecrets
from shared.kit.administrator_passes import AdministratorPasses
from shared.kit.bus import Bus, DeadLetters
from shared.kit.db import Database
from shared.kit.http.safe_client import SafeHttpClient


@dataclass(frozen=True, slots=True)
class AppState:
    """Notification's settings and connections."""

    settings: NotificationSettings
    database: Database
    bus: Bus
    dead_letters: DeadLetters
    wake_sender: Callable[[], None]
    passes: AdministratorPasses
    outgoing: SafeHttpClient
    """For the addresses of webhooks, chat rooms and on-call services."""
    webhook_secrets: WebhookSecrets
    webhook_ledger: WebhookLedger
    wake_webhooks: Callable[[], None]
    feed_signal: FeedSignal
    feed_streams: FeedStreams
    wake_targets: Callable[[], None]
    target_secrets: TargetSecrets
    edited_templates: EditedTemplates
    sender_name: SenderName
