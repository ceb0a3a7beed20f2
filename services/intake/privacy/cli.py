"""Personal data at the command line, for operators: what there is, all of it as a file, and its end."""

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from services.intake.attachments.object_store import ContentStore, StorageUnavailable
from services.intake.privacy.subject_data import SubjectData, find_subject_data
from services.intake.settings import IntakeSettings
from shared.domain.errors import Refusal
from shared.kit.db import Database
from shared.kit.http.problems import Problem
from shared.kit.requester_ids import RequesterIds
from shared.kit.ticket_errors import TicketsUnavailable

PACKAGE = Path(__file__).parent.parent
PRIVATE = 0o600


async def find_requester(database: Database, settings: IntakeSettings) -> None:
    """Prints what is held of a requester."""
    asked = _parser("find-requester", "Tell what is held of a requester.").parse_args(sys.argv[2:])
    await _friendly_errors(lambda: _find(database, settings, asked.email))


async def export_requester(database: Database, settings: IntakeSettings) -> None:
    """Writes all that is held of a requester into a file that only its owner can read."""
    parser = _parser("export-requester", "Write all that is held of a requester into a ZIP.")
    parser.add_argument("file", type=Path, help="does not exist yet")
    asked = parser.parse_args(sys.argv[2:])
    await _friendly_errors(lambda: _export(database, settings, asked.email, asked.file))


async def erase_requester(database: Database, settings: IntakeSettings) -> None:
    """Erases a requester; without a number of tickets it only tells what would go."""
    parser = _parser("erase-requester", "Erase a requester for good; without --tickets, tell what would go.")
    parser.add_argument("--tickets", type=int, help="how many tickets the requester has, as a confirmation")
    parser.add_argument("--close-open", action="store_true", help="withdraw tickets that are not closed first")
    asked = parser.parse_args(sys.argv[2:])
    if asked.tickets is None:
        await _friendly_errors(lambda: _find(database, settings, asked.email))
        sys.stdout.write("nothing was erased; say --tickets N to do it\n")
        return
    await _friendly_errors(lambda: _erase(database, settings, asked))


async def _find(database: Database, settings: IntakeSettings, email: str) -> None:
    async with database.begin() as session:
        _tell(await find_subject_data(session, RequesterIds(settings), email))


async def _export(database: Database, settings: IntakeSettings, email: str, path: Path) -> None:
    from services.intake.privacy.export import Exporter  # only this command pays for the imports
    from shared.kit.http.pages import Pages
    from shared.kit.user_content.renderer import BodyRenderer

    async with database.begin() as session:
        holdings = await find_subject_data(session, RequesterIds(settings), email)
    pages = Pages(PACKAGE, secure_cookies=settings.secure_cookies)
    file = await asyncio.to_thread(os.open, path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    try:
        async for piece in Exporter(database, ContentStore.connect(settings), pages, BodyRenderer()).stream(holdings):
            await asyncio.to_thread(os.write, file, piece)
    finally:
        os.close(file)
    _tell(holdings)


async def _erase(database: Database, settings: IntakeSettings, asked: argparse.Namespace) -> None:
    from services.intake.privacy.requester_erasure import ErasureConfirmation, RequesterEraser  # as above
    from shared.kit.auth import TicketLinks
    from shared.kit.tickets import Tickets

    eraser = RequesterEraser(database, await Tickets.connect(settings), TicketLinks(settings), RequesterIds(settings))
    confirmation = ErasureConfirmation(asked.tickets, close_open=asked.close_open)
    _tell(await eraser.erase(asked.email, confirmation))
    sys.stdout.write("erased; the other services follow by event, the stream and the files within a minute\n")


def _tell(found: SubjectData) -> None:
    sys.stdout.write(
        f"requester  {found.requester_id}\n"
        f"tickets    {len(found.ticket_ids)}, of which not closed: {len(found.open_ids)}\n"
        f"took part  in {len(found.took_part_in)} tickets of others\n"
        f"third party on {len(found.third_party_on)} tickets of others\n"
        f"messages   {found.messages}\nfiles      {found.files}\nmails      {found.mails}\n"
    )


async def _friendly_errors(command: Callable[[], Awaitable[None]]) -> None:
    """Ends with status 1 and a sentence where something refuses."""
    try:
        await command()
    except FileExistsError as error:
        sys.exit(f"{error.filename} is there already")
    except Problem as problem:
        sys.exit("nothing is held of this address" if problem.status == 404 else problem.detail)
    except (Refusal, TicketsUnavailable, StorageUnavailable) as error:
        sys.exit(str(error))


def _parser(command: str, description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m services.intake.main {command}", description=description)
    parser.add_argument("email", help="the requester's address")
    return parser
