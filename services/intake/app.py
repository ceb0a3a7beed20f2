"""The web application: its parts, its routes, and what runs beside them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

from services.intake import admin, api, osticket, web
from services.intake.abuse.form_guard import FormGuard
from services.intake.abuse.gate import Gate
from services.intake.abuse.invitations import InvitationLimits, forget_counts
from services.intake.api import document
from services.intake.attachments.keeping import Keeper
from services.intake.attachments.scanning import Clamd, scan_for_ever
from services.intake.attachments.tidying import tidy_for_ever
from services.intake.consumers import agents_consumer, consumer
from services.intake.deps import Intake
from services.intake.keyring import KeyRing
from services.intake.live import Hub, Live
from services.intake.mail.doors.pipe import MailPipe
from services.intake.privacy.clearing import Clearing
from services.intake.privacy.retention import Retention
from services.intake.proofs import AddressProofs
from services.intake.receipts import Receipts
from services.intake.settings import IntakeSettings
from services.intake.topics import Topics
from shared.kit import outbox
from shared.kit.auth import FileLinks, TicketLinks
from shared.kit.bus import Bus, StreamEraser, run_consumer
from shared.kit.db import Database, dsn_of
from shared.kit.foreign.digester import Digester
from shared.kit.housekeeping import keep_house
from shared.kit.http.app import create_app
from shared.kit.http.form_tokens import FormTokens
from shared.kit.http.limits import RateLimiter
from shared.kit.http.pages import Pages
from shared.kit.one_time import ExportLinks
from shared.kit.outbox import Relay
from shared.kit.processes import background
from shared.kit.requester_ids import RequesterIds
from shared.kit.storage import Storage
from shared.kit.tickets import Tickets

PACKAGE = Path(__file__).parent


def build(settings: IntakeSettings) -> FastAPI:
    """The application, connected to nothing yet."""
    database = Database.connect(settings)
    bus = Bus(settings, "intake")
    relay = Relay(dsn_of(settings), bus, "intake")
    hub = Hub(dsn_of(settings))
    storage = Storage.connect(settings)
    live = Live(database, hub, limit=settings.streams, seconds=settings.stream_seconds)
    pages = Pages(
        PACKAGE,
        secure_cookies=settings.secure_cookies,
        product="Support centre",
        home="/",
        support_address=settings.mail_address,
        max_file_bytes=settings.max_file_bytes,
        max_file_size=f"{settings.max_file_bytes / 1024**2:g} MiB",
    )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        intake = app.state.intake = Intake(
            settings=settings,
            database=database,
            relay=relay,
            tickets=await Tickets.connect(settings),
            topics=Topics(database),
            keys=KeyRing(database),
            links=TicketLinks(settings),
            files=FileLinks(settings),
            exports=ExportLinks(settings),
            receipts=Receipts(settings),
            storage=storage,
            keeper=Keeper(storage, settings.file_limits, scans=settings.clamd is not None),
            pages=pages,
            live=live,
            proofs=AddressProofs(settings, pages),
            form_limiter=RateLimiter("portal", settings.form_per_minute),
            similar_limiter=RateLimiter("similar", settings.similar_per_minute),
            upload_limiter=RateLimiter("upload", settings.uploads_per_minute),
            search_limiter=RateLimiter("search", settings.search_per_minute),
            address_limiter=RateLimiter("address", settings.address_per_minute),
            gate=Gate(database, settings),
            invitations=InvitationLimits(settings),
            form_guard=FormGuard(settings),
            mail_pipe=MailPipe(settings, database, storage),
            digester=Digester(),
            bad_key_limiter=RateLimiter("bad-key", settings.bad_keys_per_minute),
        )
        await bus.start()
        jobs = {
            "relay": relay.run,
            "consumer": lambda: run_consumer(bus, consumer(database, relay, intake.invitations)),
            "agents": lambda: run_consumer(bus, agents_consumer(database)),
            "live": hub.run,
            "housekeeping": lambda: keep_house(database, settings, forget_counts),
            "retention": Retention(database, intake.links, settings.keeping).run,
            "clearing": Clearing(database, StreamEraser(bus), storage, RequesterIds(settings)).run,
            "tidying": lambda: tidy_for_ever(database, storage, settings.unattached_hours),
        }
        if settings.clamd:
            clamd = Clamd(settings.clamd)
            jobs["scanning"] = lambda: scan_for_ever(database, storage, clamd)
        async with background(jobs):
            yield
        await intake.mail_pipe.close()
        await intake.digester.close()
        await bus.stop()
        await intake.database.dispose()

    async def temporal_answers() -> None:
        await app.state.intake.tickets.ping()

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
    )
    for router in (*api.ROUTERS, *admin.ROUTERS, *osticket.ROUTERS, *web.ROUTERS):
        app.include_router(router)
    pages.mount(app)
    FormTokens(settings.link_secret.get_secret_value(), settings.portal_url).install(app)
    document.describe(app)
    return app
