"""The application state of intake: what every request may need, built once in `app`."""

from dataclasses import dataclass

from services.intake.abuse.admission_control import AdmissionControl
from services.intake.abuse.form_guard import FormGuard
from services.intake.abuse.invitations import InvitationLimits
from services.intake.access.api_key_cache import ApiKeyCache
from services.intake.access.email_verification import EmailVerification
from services.intake.access.receipts import Receipts
from services.intake.alerts.follow_through import FollowThrough
from services.intake.attachments.object_store import ContentStore
from services.intake.attachments.upload import Uploader
from services.intake.live import EventStreams
from services.intake.mail.http_pipe import MailPipe
from services.intake.privacy.export import Exporter
from services.intake.settings import IntakeSettings
from services.intake.topic_cache import TopicCache
from shared.kit.administrator_passes import AdministratorPasses
from shared.kit.auth import FileLinks, TicketLinks
from shared.kit.db import Database
from shared.kit.http.language_choice import LanguageChoice
from shared.kit.http.pages import Pages
from shared.kit.http.rate_limits import RateLimiter
from shared.kit.mail_preferences import PreferenceLinks
from shared.kit.one_time_links import ExportLinks
from shared.kit.satisfaction import RatingLinks
from shared.kit.tickets import Tickets
from shared.kit.user_content.renderer import BodyRenderer


@dataclass(frozen=True, slots=True)
class AppState:
    """Intake's settings, connections, caches and limits."""

    settings: IntakeSettings
    database: Database
    tickets: Tickets
    topics: TopicCache
    keys: ApiKeyCache
    passes: AdministratorPasses
    links: TicketLinks
    file_links: FileLinks
    export_links: ExportLinks
    rating_links: RatingLinks
    preference_links: PreferenceLinks
    receipts: Receipts
    storage: ContentStore
    uploader: Uploader
    pages: Pages
    languages: LanguageChoice
    event_streams: EventStreams
    email_verification: EmailVerification
    form_limiter: RateLimiter
    similar_limiter: RateLimiter
    upload_limiter: RateLimiter
    search_limiter: RateLimiter
    address_limiter: RateLimiter
    bad_key_limiter: RateLimiter
    admission: AdmissionControl
    invitations: InvitationLimits
    form_guard: FormGuard
    mail_pipe: MailPipe
    renderer: BodyRenderer
    alerts: FollowThrough

    @property
    def exporter(self) -> Exporter:
        """Writes all that is held of a person."""
        return Exporter(self.database, self.storage, self.pages, self.renderer)
