"""The files in an old client's body: kept like any upload; one that will do not costs itself, never the ticket."""

from collections.abc import Sequence

from services.intake.api.attachments import owner_of
from services.intake.attachments.attaching import ChosenFiles
from services.intake.attachments.file_names import safe_name
from services.intake.attachments.object_store import StorageUnavailable
from services.intake.attachments.upload import IncomingFile, Uploader
from services.intake.errors import storage_away
from services.intake.mail.transports.raw_mail_store import in_chunks
from services.intake.models import Attachment
from services.intake.osticket.request_model import SentFile
from shared.kit.db import Database
from shared.kit.http.problems import Problem

MAX_FILES = 20
"""Of one request, as of one submission through the API."""


async def keep_files(
    uploader: Uploader, database: Database, key_id: str, files: Sequence[SentFile]
) -> tuple[ChosenFiles, tuple[str, ...]]:
    """What can be attached, and a remark on each file that cannot. Raises Problem 503 while the store is away."""
    owner = owner_of(key_id)
    kept: list[Attachment] = []
    remarks: list[str] = []
    for position, file in enumerate(files):
        defect = file.defect or ("one file too many" if position >= MAX_FILES else "")
        try:
            if not defect:
                kept.append(await uploader.store(in_chunks(file.content), IncomingFile(file.name, owner)))
        except Problem as refused:
            defect = refused.detail
        except StorageUnavailable:
            raise storage_away() from None
        if defect:
            remarks.append(f"File import error: {safe_name(file.name)}: {defect}.")
    if kept:
        async with database.begin() as session:
            session.add_all(kept)
    return ChosenFiles.of(owner, [attachment.id for attachment in kept]), tuple(remarks[:MAX_FILES])
