"""Puts together what turns kept mails into tickets: for the mail process, and for mails that clients hand over."""

from services.intake.abuse.admission_control import AdmissionControl
from services.intake.abuse.invitations import InvitationLimits
from services.intake.attachments.object_store import ContentStore
from services.intake.attachments.upload import Uploader
from services.intake.mail.own_addresses import OwnAddresses
from services.intake.mail.parsing.parser_pool import ParserPool
from services.intake.mail.pipeline.persist import MailPersister
from services.intake.mail.pipeline.processing import PipelineState
from services.intake.mail.pipeline.queue import MailQueue
from services.intake.mail.routing.lookup import RoutingLookup
from services.intake.mail.routing.staff import StaffMail
from services.intake.mail.settings import MailSettings
from services.intake.topic_cache import TopicCache
from shared.kit.auth import MailThreads
from shared.kit.db import Database
from shared.kit.requester_ids import RequesterIds
from shared.kit.return_paths import ReturnPaths
from shared.kit.shared_budgets import SharedBudgets
from shared.kit.user_content.renderer import BodyRenderer


def build_pipeline(settings: MailSettings, database: Database, storage: ContentStore) -> PipelineState:
    """The parts of processing; nothing runs yet."""
    own, gate = OwnAddresses.of(settings), AdmissionControl(database, settings, SharedBudgets(database, settings))
    threads = MailThreads(settings, settings.mail_domain)
    return PipelineState(
        database=database,
        storage=storage,
        parser=ParserPool(settings.mail_workers, settings.mail_read_seconds),
        queue=MailQueue(database, per_hour=settings.mail_per_sender_per_hour, attempts=settings.mail_attempts),
        lookup=RoutingLookup(threads, own, gate.bans, StaffMail(threads, settings.mail_authserv_ids), settings),
        persister=MailPersister(
            own,
            Uploader(storage, settings.file_limits, scans=settings.clamd is not None),
            InvitationLimits(settings),
            BodyRenderer(),
            ReturnPaths(settings),
            RequesterIds(settings),
        ),
        admission=gate,
        topics=TopicCache(database),
    )
