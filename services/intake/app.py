"""Builds the web application: its state, its routes, and its background tasks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from fastapi import FastAPI

from services.intake import api, web
from services.intake.abuse.admission_control import AdmissionControl
from services.intake.abuse.form_guard import FormGuard
from services.intake.abuse.invitations import InvitationLimits, forget_counts
from services.intake.access.api_key_cache import ApiKeyCache
from services.intake.access.email_verification import EmailVerification
from services.intake.access.receipts import Receipts
from services.intake.admin import routers as admin
from services.intake.alerts.follow_through import FollowThrough, forget_old_alerts
from services.intake.api import openapi
from services.intake.app_state import AppState
from services.intake.attachments.garbage_collection import collect_garbage_hourly
from services.intake.attachments.malware_scan import Clamd, scan_for_ever
from services.intake.attachments.object_store import ContentStore
from services.intake.attachments.upload import Uploader
from services.intake.commands.project_people import forget_released
from services.intake.consumers import agents_consumer, consumer, people_consumer, third_parties_consumer
from services.intake.live import EventStreams, NotifyListener
from services.intake.mail.http_pipe import MailPipe
from services.intake.osticket import routers as osticket
from services.intake.privacy.erasure_job import ErasureJob
from services.intake.privacy.retention import Retention
from services.intake.settings import IntakeSettings
from services.intake.topic_cache import TopicCache
from shared.kit import outbox
from shared.kit.administrator_passes import AdministratorPasses
from shared.kit.audit_log import prune_audit_log
from shared.kit.auth import FileLinks, TicketLinks
from shared.kit.bus import Bus, StreamEraser, run_consumer
from shared.kit.cleanup import run_cleanup
from shared.kit.clock import utc_now
from shared.kit.db import Database, dsn_of
from shared.kit.http.app import create_app
from shared.kit.http.cookies import wants_secure_cookies
from shared.kit.http.form_tokens import FormTokens
from shared.kit.http.language_choice import LanguageChoice, offered_languages
from shared.kit.http.pages import Pages
from shared.kit.http.path_prefix import path_of
from shared.kit.http.rate_limits import RateLimiter
from shared.kit.i18n.messages import marked as _
from shared.kit.installation_consumer import installation_consumer
from shared.kit.leadership import run_by_one
from shared.kit.mail_preferences import PreferenceLinks
from shared.kit.measures import Measures
from shared.kit.one_time_links import ExportLinks
from shared.kit.organisation_name import OrganisationName, read_projected
from shared.kit.outbox_measures import outbox_measure
from shared.kit.processes import background
from shared.kit.relay import Relay
from shared.kit.requester_ids import RequesterIds
from shared.kit.satisfaction import RatingLinks
from shared.kit.shared_budgets import SharedBudgets, forget_whole_budgets
from shared.kit.tickets import Tickets
from shared.kit.user_content.renderer import BodyRenderer

PACKAGE = Path(__file__).parent


def build(settings: IntakeSettings) -> FastAPI:
    """The application, connected to nothing yet."""
    database = Database.connect(settings)
    bus = Bus(settings, "intake")
    relay = Relay(dsn_of(settings), bus, "intake")
    database.publish_with(relay.publish)
    budgets = SharedBudgets(database, settings)
    hub = NotifyListener(dsn_of(settings))
    storage = ContentStore.connect(settings)
    live = EventStreams(database, hub, limit=settings.streams, seconds=settings.stream_seconds)
    secure = wants_secure_cookies(settings.secure_cookies, settings.portal_url)
    languages = LanguageChoice(offered_languages(settings), secure_cookies=secure)
    organisation = OrganisationName(_("Support centre"))
    pages = Pages(
        PACKAGE,
        secure_cookies=secure,
        prefix=path_of(settings.portal_url),
        product=organisation,
        languages=languages.offered.all,
        home="/",
        support_address=settings.mail_address,
        max_file_bytes=settings.max_file_bytes,
        max_file_size=f"{settings.max_file_bytes / 1024**2:g} MiB",
    )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        tickets = await Tickets.connect(settings)
        intake = app.state.app_state = AppState(
            settings=settings,
            database=database,
            tickets=tickets,
            alerts=FollowThrough(database, tickets),
            topics=TopicCache(database),
            keys=ApiKeyCache(database, budgets),
            passes=AdministratorPasses(settings),
            links=TicketLinks(settings),
            file_links=FileLinks(settings),
            export_links=ExportLinks(settings),
            rating_links=RatingLinks(settings),
            preference_links=PreferenceLinks(settings),
            receipts=Receipts(settings),
            storage=storage,
            uploader=Uploader(storage, settings.file_limits, scans=settings.clamd is not None),
            pages=pages,
            languages=languages,
            event_streams=live,
            email_verification=EmailVerification(settings, pages),
            form_limiter=RateLimiter("portal", settings.form_per_minute, shared=budgets),
            similar_limiter=RateLimiter("similar", settings.similar_per_minute, shared=budgets),
            upload_limiter=RateLimiter("upload", settings.uploads_per_minute, shared=budgets),
            search_limiter=RateLimiter("search", settings.search_per_minute, shared=budgets),
            address_limiter=RateLimiter("address", settings.address_per_minute, shared=budgets),
            admission=AdmissionControl(database, settings, budgets),
            invitations=InvitationLimits(settings),
            form_guard=FormGuard(settings),
            mail_pipe=MailPipe(settings, database, storage),
            renderer=BodyRenderer(),
            bad_key_limiter=RateLimiter("bad-key", settings.bad_keys_per_minute, shared=budgets),
        )
        app.state.renderer = intake.renderer
        await bus.start()
        ahead = intake.renderer.redact_if_possible
        shared_jobs = {
            "clearing": ErasureJob(database, StreamEraser(bus), storage, RequesterIds(settings)).run,
            "housekeeping": lambda: run_cleanup(
                database,
                settings,
                forget_counts,
                forget_whole_budgets,
                forget_released,
                forget_old_alerts,
                lambda session: prune_audit_log(session, timedelta(days=settings.audit_days), utc_now()),
            ),
            "retention": Retention(database, intake.links, settings.keeping).run,
            "tidying": lambda: collect_garbage_hourly(database, storage, settings.unattached_hours),
        }
        jobs = {
            "relay": relay.run,
            "consumer": lambda: run_consumer(bus, consumer(database, intake.invitations, relay.has_applied), ahead),
            "agents": lambda: run_consumer(bus, agents_consumer(database), ahead),
            "people": lambda: run_consumer(bus, people_consumer(database, RequesterIds(settings)), ahead),
            "third-parties": lambda: run_consumer(bus, third_parties_consumer(database, RequesterIds(settings)), ahead),
            "installation": lambda: run_consumer(bus, installation_consumer("intake", database, organisation)),
            "organisation-name": lambda: organisation.keep(database, read_projected),
            "live": hub.run,
            "alerts": intake.alerts.run,
            "shared": run_by_one(dsn_of(settings), "intake", shared_jobs),
        }
        if settings.clamd:
            clamd = Clamd(settings.clamd)
            shared_jobs["scanning"] = lambda: scan_for_ever(database, storage, clamd)
        app.state.stopping.when_begun(relay.hand_over)
        async with background(jobs, app.state.stopping, kept=("relay", "live")):
            yield
        await intake.mail_pipe.close()
        await intake.renderer.close()
        await bus.stop()
        await intake.database.dispose()

    async def temporal_answers() -> None:
        await app.state.app_state.tickets.ping()

    app = create_app(
        title="Everdesk intake",
        service="intake",
        settings=settings,
        lifespan=lifespan,
        needed={"database": database.check_writable},
        wanted={
            "bus": bus.check_connected,
            "stream": bus.check_writable,
            "outbox": lambda: outbox.check_age(database),
            "temporal": temporal_answers,
            "storage": storage.ping,
        },
        body_limit=settings.body_limit,
        prefix=path_of(settings.portal_url),
    )
    app.state.measures = Measures({"outbox": outbox_measure(database, "intake")})
    for router in (*api.ROUTERS, *admin.ROUTERS, *osticket.ROUTERS, *web.ROUTERS):
        app.include_router(router)
    pages.mount(app)
    languages.install(app)
    FormTokens(settings.link_secret.get_secret_value(), settings.portal_url, secure_cookies=secure).install(app)
    openapi.describe(app)
    return app
