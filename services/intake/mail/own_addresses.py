"""Which addresses are ours: what mail is taken for, which topic it is about, and who is never asked to take part."""

from collections.abc import Iterable
from dataclasses import dataclass

from services.intake.mail.settings import MailSettings
from services.intake.settings import IntakeSettings
from shared.kit.addresses import address_key
from shared.kit.return_paths import is_return_path


@dataclass(frozen=True, slots=True)
class OwnAddresses:
    """Our addresses, each with its plus-addresses, and whole domains as `@example.org`; all in lower case."""

    addresses: frozenset[str]
    domains: frozenset[str] = frozenset()

    @classmethod
    def of(cls, settings: IntakeSettings) -> "OwnAddresses":
        """The support address, and whatever else the mail process is told to take."""
        more = settings.mail_accepts if isinstance(settings, MailSettings) else ()
        return cls(
            frozenset(
                {address_key(settings.mail_address), *(address_key(one) for one in more if not one.startswith("@"))}
            ),
            frozenset(address_key(one).removeprefix("@") for one in more if one.startswith("@")),
        )

    def has(self, address: str) -> bool:
        """Whether mail to this address is for us."""
        plain, _ = _parted(address)
        return plain in self.addresses or plain.rpartition("@")[2] in self.domains

    def topic_in(self, recipients: Iterable[str]) -> str | None:
        """The slug that stands after the plus of the first address of ours that has one.

        Absence notes come to the envelope sender of the mail that they answer, whose token is no topic.
        """
        parted = (_parted(one) for one in recipients if self.has(one) and not is_return_path(one))
        return next((slug for _, slug in parted if slug), None)


def _parted(address: str) -> tuple[str, str]:
    """`support+billing@example.org` as `support@example.org` and `billing`."""
    mailbox, _, domain = address_key(address).rpartition("@")
    name, _, slug = mailbox.partition("+")
    return f"{name}@{domain}", slug
