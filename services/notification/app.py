"""Builds the notification service: its routes, its consumer, its outbox relay and its mail sender."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from fastapi import FastAPI

from services.notification import api, asyncapi
from services.notification.app_state import AppState
from services.notification.consumers import Notifier
from services.notification.delivery import smtp
from services.notification.delivery.queue import DeliveryQueue
from services.notification.delivery.sender import LEASE, Sender
from services.notification.delivery.sender_name import SenderName
from services.notification.event_feed.recorder import FeedRecorder
from services.notification.event_feed.retention import forget_events
from services.notification.event_feed.signal import FeedSignal
from services.notification.event_feed.streams import FeedStreams
from services.notification.mail_templates.store import EditedTemplates
from services.notification.measures import measure_notifications
from services.notification.recipients.held_mails import drop_unseen
from services.notification.recipients.settling import resolve_recipients
from services.notification.return_tokens import note_switch
from services.notification.settings import NotificationSettings
from services.notification.targets.queue import TargetQueue
from services.notification.targets.retirement import forget_removed
from services.notification.targets.secrets import TargetSecrets
from services.notification.targets.sender import TargetSender
from services.notification.webhooks.attempts import BUDGET
from services.notification.webhooks.dispatcher import WebhookDispatcher
from services.notification.webhooks.ledger import WebhookLedger
from services.notification.webhooks.signing import WebhookSecrets
from shared.kit import outbox
from shared.kit.administrator_passes import AdministratorPasses
from shared.kit.audit_log import prune_audit_log
from shared.kit.auth import MailThreads
from shared.kit.bus import Bus, DeadLetters, run_consumer
from shared.kit.bus.measures import bus_measure
from shared.kit.cleanup import run_cleanup
from shared.kit.clock import utc_now
from shared.kit.db import Database, dsn_of
from shared.kit.http.app import create_app
from shared.kit.http.safe_client import SafeHttpClient
from shared.kit.installation_consumer import installation_consumer
from shared.kit.leadership import run_by_one
from shared.kit.measures import Measures
from shared.kit.organisation_name import OrganisationName, read_projected
from shared.kit.outbox_measures import outbox_measure
from shared.kit.processes import background
from shared.kit.relay import Relay
from shared.kit.requester_ids import RequesterIds

NAME = "notification"


def build(settings: NotificationSettings) -> FastAPI:
    """Returns the application; connections are made when it starts."""
    database = Database.connect(settings)
    bus = Bus(settings, NAME)
    relay = Relay(dsn_of(settings), bus, NAME)
    database.publish_with(relay.publish)
    edited, organisation = EditedTemplates(database), OrganisationName(settings.mail_name)
    sender_name = SenderName(settings, organisation)
    sender = make_sender(database, settings, edited, sender_name)
    threads, ids = MailThreads(settings, settings.mail_domain), RequesterIds(settings)
    secrets = WebhookSecrets(settings)
    outgoing = SafeHttpClient(
        settings.outgoing_allowed_networks, allowed_hosts=settings.outgoing_allowed_hosts, budget=BUDGET
    )
    ledger = WebhookLedger(database, secrets)
    dispatcher = WebhookDispatcher(ledger, outgoing)
    kept = timedelta(days=settings.feed_days)
    signal = FeedSignal(database)
    recorder = FeedRecorder(database, ids, kept, signal.look, dispatcher.wake)
    target_secrets = TargetSecrets(settings)
    targets = TargetSender(TargetQueue(database, target_secrets), outgoing, settings.desk_url)

    def wake() -> None:
        sender.wake()
        targets.wake()

    notifier = Notifier(database, bus, threads, ids, wake, settings.unassigned_messages_to)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await bus.start()
        shared_jobs = {
            "housekeeping": lambda: run_cleanup(
                database,
                settings,
                lambda session: forget_events(session, kept),
                lambda session: prune_audit_log(session, timedelta(days=settings.audit_days), utc_now()),
                forget_removed,
                lambda session: note_switch(session, is_on=settings.mail_return_tokens),
            ),
        }
        jobs = {
            "relay": relay.run,
            "consumer": lambda: run_consumer(bus, notifier.consumer, sender.redact_ahead),
            "sender": sender.run,
            "installation": lambda: run_consumer(bus, installation_consumer(NAME, database, organisation)),
            "organisation-name": lambda: organisation.keep(database, read_projected),
            "feed": lambda: run_consumer(bus, recorder.consumer),
            "feed sweep": recorder.run_sweep,
            "feed signal": signal.run,
            "webhooks": dispatcher.run,
            "shared": run_by_one(dsn_of(settings), NAME, shared_jobs),
            "targets": targets.run,
        }
        app.state.stopping.when_begun(relay.hand_over)
        app.state.stopping.when_begun(signal.end_waits)
        async with background(jobs, app.state.stopping, kept=("relay", "feed signal")):
            yield
        await bus.stop()
        await database.dispose()

    app = create_app(
        title="Everdesk notification",
        service=NAME,
        settings=settings,
        lifespan=lifespan,
        needed={"database": database.check_writable},
        wanted={
            "bus": bus.check_connected,
            "stream": bus.check_writable,
            "outbox": lambda: outbox.check_age(database),
            "smtp": lambda: smtp.ping(settings),
        },
        prefix=settings.path_prefix,
    )
    app.state.app_state = AppState(
        settings,
        database,
        bus,
        DeadLetters(bus),
        sender.wake,
        AdministratorPasses(settings),
        outgoing,
        secrets,
        ledger,
        dispatcher.wake,
        signal,
        FeedStreams(database, signal),
        targets.wake,
        target_secrets,
        edited,
        sender_name,
    )
    app.state.measures = Measures(
        {
            "outbox": outbox_measure(database, NAME),
            "bus": bus_measure(bus),
            "notifications": lambda: measure_notifications(database),
        }
    )
    api.include_routes(app)
    asyncapi.mount(app)
    return app


def make_sender(
    database: Database,
    settings: NotificationSettings,
    edited: EditedTemplates | None = None,
    name: SenderName | None = None,
) -> Sender:
    """Returns the sender that works off the delivery ledger of this database."""
    threads = MailThreads(settings, settings.mail_domain)

    async def settle() -> None:
        async with database.begin() as session:
            await resolve_recipients(session, threads, settings.unassigned_messages_to)

    return Sender(DeliveryQueue(database, LEASE, drop_unseen), settings, settle, edited, name)
