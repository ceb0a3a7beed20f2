"""Routes of outgoing mail: settings, and a test mail."""

from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict

from services.notification.delivery.dkim_signature import DkimSigner, signer_of
from services.notification.delivery.mail_circuit import close_circuit, read_circuit
from services.notification.delivery.smtp import MailConnection
from services.notification.deps import State
from services.notification.errors import MailRefused, MailServerAway
from services.notification.settings import NotificationSettings
from shared.contracts.described_models import DescribedModel
from shared.kit.clock import utc_now
from shared.kit.http.inputs import Email, Input
from shared.kit.http.problems import invalid
from shared.kit.http.routers import HttpRouter
from shared.kit.return_paths import ReturnPaths

router = HttpRouter(tags=["outgoing mail"])
SUBJECT = "A test mail from Everdesk"
TEXT = """This mail was sent by an administrator of Everdesk to see that mail leaves.

It has arrived: nothing needs to be done.
"""


class DkimRecordView(DescribedModel):
    """The TXT record that the DNS has to hold, so that receivers can check our signatures."""

    name: str
    value: str

    @classmethod
    def of(cls, signer: DkimSigner) -> Self:
        """The record of a key."""
        return cls(name=signer.record_name, value=signer.record)


class MailCircuitView(DescribedModel):
    """The circuit of the mail server: open, nothing is sent until the next trial."""

    model_config = ConfigDict(from_attributes=True)

    failures: int
    """Failed connections in a row."""
    since: datetime | None
    """When the first of them failed."""
    open_until: datetime | None
    """The next trial; null while mail is sent."""
    reason: str | None
    """Of the newest failure."""


class OutgoingMailView(DescribedModel):
    """How mail leaves; set by the installation's settings, so that no page can read or change its password."""

    host: str
    port: int
    tls: Literal["none", "starttls", "tls"]
    username: str | None
    sender: str
    """The address that mails come from and answers go to."""
    unassigned_messages_to: str
    """Who is told of a requester's message while nobody is assigned."""
    signature: DkimRecordView | None
    """How mails are signed (DKIM); null: they are not."""
    circuit: MailCircuitView
    """Whether mail is sent at the moment."""


class TestMail(Input):
    """To whom to send it."""

    __test__ = False
    model_config = ConfigDict(json_schema_extra={"examples": [{"to": "ada@bank.example"}]})

    to: Email


class TestMailResult(BaseModel):
    """What became of it."""

    __test__ = False
    accepted: bool = True


@router.get("/mail-settings")
async def read_settings(state: State) -> OutgoingMailView:
    """How mail leaves."""
    settings, signer = state.settings, signer_of(state.settings)
    async with state.database.begin() as session:
        circuit = await read_circuit(session)
    return OutgoingMailView(
        host=settings.smtp_host,
        port=settings.smtp_port,
        tls=settings.smtp_tls,
        username=settings.smtp_username,
        sender=settings.mail_address,
        unassigned_messages_to=settings.unassigned_messages_to,
        signature=DkimRecordView.of(signer) if signer else None,
        circuit=MailCircuitView.model_validate(circuit),
    )


@router.post("/test-mails")
async def send_test_mail(state: State, request: TestMail) -> TestMailResult:
    """Sends a mail at once, and says what the mail server said if it did not take it; success closes its circuit."""
    connection = MailConnection(state.settings)
    try:
        mail = _mail(state.settings, request.to)
        message, sender = _written(state.settings, mail), _sender_of(state.settings, mail)
        await connection.send(connection.mail(message, request.to, sender))
    except MailServerAway as error:
        raise invalid("/to", f"the mail server does not answer: {error}") from error
    except MailRefused as error:
        raise invalid("/to", f"the mail server refused the mail: {error}") from error
    finally:
        await connection.close()
    async with state.database.begin() as session:
        await close_circuit(session)
    state.wake_sender()
    return TestMailResult()


def _sender_of(settings: NotificationSettings, mail: EmailMessage) -> str | None:
    """Returns an envelope sender as other mails have one, so that a server which takes none is found out."""
    return ReturnPaths(settings).sender_of(mail["Message-ID"]) if settings.mail_return_tokens else None


def _mail(settings: NotificationSettings, to: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = settings.mail_address, to, SUBJECT
    mail["Date"], mail["Message-ID"] = format_datetime(utc_now()), make_msgid(domain=settings.mail_domain)
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(TEXT)
    return mail


def _written(settings: NotificationSettings, mail: EmailMessage) -> bytes:
    written, signer = mail.as_bytes(policy=SMTP), signer_of(settings)
    return signer.signed(written) if signer else written
