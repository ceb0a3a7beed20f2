"""Mails at the command line, for operators: what came, what became of it, and once more."""

import argparse
import sys
from uuid import UUID

from sqlalchemy import or_, select

from services.intake.attachments.object_store import ContentMissing, ContentStore
from services.intake.mail.pipeline.queue import requeue, requeue_as_ticket
from services.intake.models import RawMail, RawMailState
from services.intake.settings import IntakeSettings
from shared.kit.addresses import address_key
from shared.kit.db import Database

MOST = 10_000


async def list_mails(database: Database, _settings: IntakeSettings) -> None:
    """Prints mails, newest first; by default those that wait or were given up."""
    parser = _parser("list-mails", "List mails, newest first: by default those that wait or were given up.")
    parser.add_argument("--state", type=RawMailState, choices=list(RawMailState), action="append", dest="states")
    parser.add_argument("--sender", help="only of this address, in the envelope or in From")
    parser.add_argument("--limit", type=int, default=50, help="at most so many; default: 50")
    asked = parser.parse_args(sys.argv[2:])
    wanted = select(RawMail).where(RawMail.state.in_(asked.states or [RawMailState.RECEIVED, RawMailState.FAILED]))
    if asked.sender is not None:
        address = address_key(asked.sender)
        wanted = wanted.where(or_(RawMail.sender == address, RawMail.author == address))
    newest = wanted.order_by(RawMail.received_at.desc(), RawMail.id.desc()).limit(max(1, min(asked.limit, MOST)))
    async with database.begin() as session:
        for mail in await session.scalars(newest):
            sys.stdout.write(f"{_line(mail)}\n")


async def show_mail(database: Database, settings: IntakeSettings) -> None:
    """Prints what is known of a mail, or the mail itself, which holds people's words and addresses."""
    parser = _parser("show-mail", "Show what is known of a mail, or with --raw the mail as it came.")
    parser.add_argument("mail_id", type=UUID)
    parser.add_argument("--raw", action="store_true", help="the mail itself, byte by byte")
    asked = parser.parse_args(sys.argv[2:])
    async with database.begin() as session:
        mail = await session.get(RawMail, asked.mail_id)
    if mail is None:
        parser.exit(1, f"there is no mail {asked.mail_id}\n")
    if not asked.raw:
        sys.stdout.write(f"{_line(mail)}\n")
        for name in (
            "author",
            "subject",
            "source",
            "recipients",
            "size",
            "digest",
            "attempts",
            "next_attempt_at",
            "ticket_id",
        ):
            sys.stdout.write(f"{name:<16} {getattr(mail, name)}\n")
        return
    try:
        sys.stdout.buffer.write(await ContentStore.connect(settings).read(mail.digest, mail.size))
    except ContentMissing:
        parser.exit(1, "its bytes are gone\n")


async def open_mail(database: Database, _settings: IntakeSettings) -> None:
    """Has ignored mails become tickets."""
    parser = _parser("open-mail", "Open mails as tickets that were ignored or given up, whatever spoke against it.")
    parser.add_argument("mail_ids", type=UUID, nargs="+", metavar="mail_id")
    asked = parser.parse_args(sys.argv[2:])
    async with database.begin() as session:
        missing = [mail_id for mail_id in asked.mail_ids if not await requeue_as_ticket(session, mail_id)]
    if missing:
        parser.exit(1, f"neither given up nor ignored: {', '.join(map(str, missing))}\n")


async def retry_mail(database: Database, _settings: IntakeSettings) -> None:
    """Has mails processed again that were given up or ignored."""
    parser = _parser("retry-mail", "Have mails processed again that were given up or ignored.")
    parser.add_argument("mail_ids", type=UUID, nargs="+", metavar="mail_id")
    asked = parser.parse_args(sys.argv[2:])
    async with database.begin() as session:
        missing = [mail_id for mail_id in asked.mail_ids if not await requeue(session, mail_id)]
    if missing:
        parser.exit(1, f"neither given up nor ignored: {', '.join(map(str, missing))}\n")


def _line(mail: RawMail) -> str:
    at = f"{mail.received_at:%Y-%m-%d %H:%M:%S}"
    return f"{mail.id}  {at}  {mail.state.value:<8}  {mail.sender or '<>':<30}  {mail.outcome[:120]}".rstrip()


def _parser(command: str, description: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(prog=f"python -m services.intake.main {command}", description=description)
