"""What runs in a reading process: mails in, what they say out, as data that can do nothing but be read."""

import resource
import struct
import sys
from typing import BinaryIO

from pydantic import ConfigDict, RootModel

from services.intake.mail.reading import ReadMail, read_mail

FRAME = "!I"
"""Each piece is preceded by its length."""
NO_ENVELOPE = b"\xff"
"""Stands for a sender that is not known; no address has this byte."""
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


def serve(source: BinaryIO, target: BinaryIO) -> None:
    """Reads mails until nothing more comes."""
    while (sender := _frame(source)) is not None and (raw := _frame(source)) is not None:
        envelope_sender = None if sender == NO_ENVELOPE else sender.decode()
        written = to_wire(read_mail(raw, envelope_sender=envelope_sender))
        target.write(struct.pack(FRAME, len(written)))
        target.write(written)
        target.flush()


def _frame(source: BinaryIO) -> bytes | None:
    head = source.read(struct.calcsize(FRAME))
    if len(head) < struct.calcsize(FRAME):
        return None
    (size,) = struct.unpack(FRAME, head)
    return source.read(size)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    serve(sys.stdin.buffer, sys.stdout.buffer)
