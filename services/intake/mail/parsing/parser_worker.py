"""What runs in a reading process: mails in, what they say out, as data that can do nothing but be read."""

import sys

from pydantic import ConfigDict, RootModel

from services.intake.mail.parsing.parser import ReadMail, read_mail
from shared.kit.worker_pool import serve

NO_ENVELOPE = b"\xff"
"""Stands for a sender that is not known; no address has this byte."""
OPENING, ANSWER = b"opening", b"answer"
"""How a mail is to be cut."""
MEMORY_BYTES = 2 * 1024**3


class Wire(RootModel[ReadMail]):
    """A mail that was read, on its way between two processes."""

    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")


def to_wire(mail: ReadMail) -> bytes:
    """A mail as JSON."""
    return Wire(mail).model_dump_json().encode("utf-8", "replace")


def from_wire(written: bytes) -> ReadMail:
    """The mail again. Raises ValueError."""
    return Wire.model_validate_json(written).root


def read(sender: bytes, manner: bytes, raw: bytes) -> bytes:
    """What a mail says, cut as OPENING or as ANSWER."""
    envelope_sender = None if sender == NO_ENVELOPE else sender.decode()
    return to_wire(read_mail(raw, envelope_sender=envelope_sender, is_opening=manner == OPENING))


if __name__ == "__main__":
    serve(read, 3, memory_bytes=MEMORY_BYTES, cpu_seconds=float(sys.argv[-1]))
