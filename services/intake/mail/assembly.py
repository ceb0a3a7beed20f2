"""Puts together what turns kept mails into tickets: for the mail process, and for mails that clients hand over."""

from services.intake.abuse.gate import Gate
from services.intake.abuse.invitations import InvitationLimits
from services.intake.attachments.keeping import Keeper
from services.intake.mail.facts import Desk
from services.intake.mail.own_addresses import OwnAddresses
from services.intake.mail.processing import Parts
from services.intake.mail.queue import MailQueue
from services.intake.mail.reader import Reader
from services.intake.mail.settings import MailSettings
from services.intake.mail.staff import StaffMail
from services.intake.mail.writing import Writer
from services.intake.topics import Topics
from shared.kit.auth import MailThreads
from shared.kit.db import Database
from shared.kit.storage import Storage


def assemble(settings: MailSettings, database: Database, storage: Storage) -> Parts:
    """The parts of processing; nothing runs yet."""
    own, gate = OwnAddresses.of(settings), Gate(database, settings)
    threads = MailThreads(settings, settings.mail_domain)
    return Parts(
        database=database,
        storage=storage,
        reader=Reader(settings.mail_workers, settings.mail_read_seconds),
        queue=MailQueue(database, per_hour=settings.mail_per_sender_per_hour, attempts=settings.mail_attempts),
        desk=Desk(threads, own, gate.bans, StaffMail(threads, settings.mail_authserv_ids), settings),
        writer=Writer(
            own, Keeper(storage, settings.file_limits, scans=settings.clamd is not None), InvitationLimits(settings)
        ),
        gate=gate,
        topics=Topics(database),
    )
