"""Mail servers: whether mail can leave, and whether each mailbox can be signed in to and polled."""

import asyncio
from collections.abc import Mapping

from aiosmtplib import SMTP, SMTPException
from pydantic import TypeAdapter, ValidationError

from deploy.cli.doctor.certificates import certificate_finding
from deploy.cli.doctor.findings import Finding, bad, ok, unknown
from deploy.cli.doctor.process_environments import ProcessEnvironments
from services.intake.mail.settings import Mailbox
from services.intake.mail.transports.imap_session import BROKEN, ImapSession
from services.intake.mail.transports.oauth_tokens import AccessToken, TokenRefused
from services.notification.delivery.dkim_signature import signer_of
from services.notification.delivery.smtp import connect
from services.notification.delivery.smtp_dialogue import SmtpDialogue
from services.notification.errors import MailServerAway
from services.notification.settings import NotificationSettings
from shared.kit.http.safe_client import SafeHttpClient
from shared.kit.networks import AllowedNetworks
from shared.kit.return_paths import ReturnPaths

SMTP_HOST, MAILBOXES = "EVERDESK_SMTP_HOST", "EVERDESK_MAILBOXES"
OUTGOING = "EVERDESK_OUTGOING_ALLOWED_NETWORKS"
WITHIN = 15.0
TOGETHER_WITHIN = 5.0
RUNBOOK = "docs/runbooks/mail-down.md"
SIGNING = "docs/notification.md, under DKIM"
RETURNING = "docs/notification.md, under Bounces"


async def check_mail_servers(around: ProcessEnvironments) -> list[Finding]:
    """The server that mail leaves by, and every mailbox that is polled."""
    return [*await _smtp(around.environment_with(SMTP_HOST, "notification")), *await _mailboxes(around)]


async def _smtp(environment: Mapping[str, str] | None) -> list[Finding]:
    if environment is None or not environment.get(SMTP_HOST):
        return [unknown("mail", "smtp", "no server is named here (EVERDESK_SMTP_HOST)")]
    names = (name for name in NotificationSettings.model_fields if f"EVERDESK_{name.upper()}" in environment)
    try:
        settings = NotificationSettings(**{name: environment[f"EVERDESK_{name.upper()}"] for name in names})  # type: ignore[arg-type]
    except ValidationError as problem:
        fields = ", ".join(str(error["loc"][0]) for error in problem.errors() if error["loc"])
        return [bad("mail", "smtp", f"settings cannot be used: {fields}", "docs/settings.md, under Notification")]
    where = f"{settings.smtp_host}:{settings.smtp_port}"
    try:
        async with asyncio.timeout(WITHIN):
            client = await connect(settings)
    except (MailServerAway, TimeoutError) as problem:
        return [bad("mail", "smtp", f"{where} does not take mail: {problem or 'no answer'}", RUNBOOK)]
    encrypted = client.get_transport_info("ssl_object")
    together = await _pipelining(settings, client)
    found = [ok("mail", "smtp", f"{where} takes mail"), together, signature_finding(settings), return_finding(settings)]
    return [*found, *_certificate(settings.smtp_host, encrypted)]


async def _pipelining(settings: NotificationSettings, client: SMTP) -> Finding:
    """Whether a server that offers to take commands together does; ends the connection."""
    dialogue = SmtpDialogue(client, TOGETHER_WITHIN)
    try:
        if not client.supports_extension("pipelining"):
            return ok("mail", "pipelining", "the server takes one command at a time")
        if not settings.smtp_pipelining:
            return ok("mail", "pipelining", "the server is told one command at a time (EVERDESK_SMTP_PIPELINING)")
        await dialogue.say_together()
    except (OSError, SMTPException) as problem:
        says = f"the server offers PIPELINING and answers no commands that come together: {problem}"
        return bad("mail", "pipelining", says, f"EVERDESK_SMTP_PIPELINING=false; {RUNBOOK}")
    finally:
        dialogue.close()
    return ok("mail", "pipelining", "the server takes commands together")


def signature_finding(settings: NotificationSettings) -> Finding:
    """Whether mails are signed (DKIM), and under which name receivers look for the key."""
    try:
        signer = signer_of(settings)
    except ValueError as problem:
        return bad("mail", "dkim", str(problem), SIGNING)
    if signer is None:
        return ok("mail", "dkim", f"mails are not signed here; {SIGNING} says how")
    return ok("mail", "dkim", f"mails are signed; receivers read {signer.record_name} in the DNS")


def return_finding(settings: NotificationSettings) -> Finding:
    """Whether whoever knows a Message-ID of ours can have an address marked as one to which mail comes back."""
    if not settings.mail_return_tokens:
        says = (
            f"a report that a mail came back is believed by its Message-ID alone; {RETURNING} says how to ask for proof"
        )
        return ok("mail", "bounces", says)
    example = ReturnPaths(settings).sender_of("<example>")
    if example == settings.mail_address:
        return bad("mail", "bounces", f"{example} is too long for envelope senders with a token", RETURNING)
    return ok(
        "mail", "bounces", f"mails leave as {example}; mail to such addresses must arrive at {settings.mail_address}"
    )


def _certificate(host: str, encrypted: object) -> list[Finding]:
    from cryptography import x509  # only where the connection is encrypted

    read = getattr(encrypted, "getpeercert", None)
    der = read(binary_form=True) if read else None
    if der is None:
        return []
    return [certificate_finding(host, x509.load_der_x509_certificate(der))]


async def _mailboxes(around: ProcessEnvironments) -> list[Finding]:
    written = around.setting(MAILBOXES, "mail_in")
    if not written:
        return []
    try:
        mailboxes = TypeAdapter(tuple[Mailbox, ...]).validate_json(written)
    except ValidationError as problem:
        return [bad("mail", "mailboxes", f"{problem.error_count()} errors in EVERDESK_MAILBOXES", "docs/mail.md")]
    networks = TypeAdapter(AllowedNetworks).validate_python(around.setting(OUTGOING, "mail_in") or "")
    outgoing = SafeHttpClient(networks)
    return list(await asyncio.gather(*(_mailbox(one, outgoing) for one in mailboxes)))


async def _mailbox(mailbox: Mailbox, outgoing: SafeHttpClient) -> Finding:
    check = f"mailbox {mailbox.name}"
    try:
        async with asyncio.timeout(WITHIN):
            token = await AccessToken(mailbox.oauth, outgoing).get() if mailbox.oauth else None
            waiting = await asyncio.to_thread(_count, mailbox, token)
    except (*BROKEN, TokenRefused, TimeoutError) as problem:
        return bad("mail", check, f"cannot be polled: {type(problem).__name__}: {problem}"[:300], RUNBOOK)
    return ok("mail", check, f"can be polled, {waiting} mails wait in it")


def _count(mailbox: Mailbox, token: str | None) -> int:
    session = ImapSession(mailbox, token)
    try:
        return len(session.waiting())
    finally:
        session.close()
