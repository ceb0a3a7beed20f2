"""What every request may need, put together once in `main` and handed to routes by name."""

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from services.intake.abuse.form_guard import FormGuard
from services.intake.abuse.gate import Gate
from services.intake.abuse.invitations import InvitationLimits
from services.intake.attachments.keeping import Keeper
from services.intake.keyring import KeyRing
from services.intake.live import Live
from services.intake.mail.doors.pipe import MailPipe
from services.intake.proofs import AddressProofs
from services.intake.receipts import Receipts
from services.intake.settings import IntakeSettings
from services.intake.topics import Topics
from shared.kit.auth import FileLinks, TicketLinks
from shared.kit.db import Database
from shared.kit.foreign.digester import Digester
from shared.kit.http.limits import RateLimiter
from shared.kit.http.pages import Pages
from shared.kit.one_time import ExportLinks
from shared.kit.outbox import Relay
from shared.kit.storage import Storage
from shared.kit.tickets import Tickets


@dataclass(frozen=True, slots=True)
class Intake:
    """The service's parts."""

    settings: IntakeSettings
    database: Database
    relay: Relay
    tickets: Tickets
    topics: Topics
    keys: KeyRing
    links: TicketLinks
    files: FileLinks
    exports: ExportLinks
    receipts: Receipts
    storage: Storage
    keeper: Keeper
    pages: Pages
    live: Live
    proofs: AddressProofs
    form_limiter: RateLimiter
    similar_limiter: RateLimiter
    upload_limiter: RateLimiter
    search_limiter: RateLimiter
    address_limiter: RateLimiter
    bad_key_limiter: RateLimiter
    gate: Gate
    invitations: InvitationLimits
    form_guard: FormGuard
    mail_pipe: MailPipe
    digester: Digester


async def parts_of(request: Request) -> Intake:
    """The parts, as `main` put them together."""
    return cast(Intake, request.app.state.intake)


Parts = Annotated[Intake, Depends(parts_of)]
