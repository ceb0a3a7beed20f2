"""Mails that try to make us write to strangers: each with many people in copy, as an attacker would send them."""

from collections.abc import Iterator
from email.message import EmailMessage

from shared.kit.clock import new_id

MAILS = 25
CC = 20
SUPPORT = "support@everdesk.example"


def mails_with_copies(
    name: str, mails: int = MAILS, copies: int = CC, support: str = SUPPORT
) -> Iterator[EmailMessage]:
    """`mails` mails from plus-addresses of one mailbox, each with `copies` different people in copy."""
    for number in range(mails):
        mail = EmailMessage()
        mail["From"] = f"{name}+{number}@evil.example"
        mail["To"] = support
        mail["Cc"] = ", ".join(f"{name}-{number}-{guest}@victim.example" for guest in range(copies))
        mail["Subject"] = f"Claim your prize {number}: https://evil.example/"
        mail["Message-ID"] = f"<{new_id()}@evil.example>"
        mail.set_content("Click https://evil.example/")
        yield mail
