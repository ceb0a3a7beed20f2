"""What becomes known of addresses that mail goes to. No event names an address: a digest or a mail stands for it."""

from typing import Literal
from uuid import UUID

from shared.contracts.base import Instant
from shared.contracts.events.base import Event
from shared.contracts.events.conversation import TicketEvent
from shared.contracts.redaction import Foreign


class MailPreferencesChanged(TicketEvent, name="mail.preferences_changed"):
    """A person chose which mails an address of theirs gets, by the link of a mail about this ticket."""

    produced_by = "intake"

    address_key: str
    """A digest of the address."""
    wanted: Literal["all", "replies", "none"]
    """Everything, only what agents write, or nothing but links that the person asks for."""
    changed_at: Instant


class MailBounced(TicketEvent, name="mail.bounced"):
    """A mail server reported, with proof, that a mail of ours reached nobody and why."""

    produced_by = "intake"

    message_id: str
    """Of the mail that came back."""
    status: str
    """The enhanced status code (RFC 3463), such as `5.1.1`."""
    is_permanent: bool
    """Whether there is no such mailbox, so that nothing else will arrive either."""
    reason: Foreign
    """What the mail server said, without the address."""
    is_proved: bool = False
    """Whether the report came to the envelope sender that only this mail had."""
    bounced_at: Instant


class MailPreferencesSet(Event, name="mail.preferences_set"):
    """An operator set which mails an address gets; the page on which its owner chooses shows that from then on."""

    produced_by = "notification"

    address_key: str
    """A digest of the address."""
    wanted: Literal["all", "replies", "none"]
    """Everything, only what agents write, or nothing but links that the person asks for."""
    changed_at: Instant

    @property
    def entity_id(self) -> UUID:
        return UUID(self.address_key[:32])
