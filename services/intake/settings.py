"""Intake's settings: what every service has, and a little of its own."""

from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum

from pydantic import Field, SecretStr

from services.intake.attachments.file_limits import FileLimits
from shared.kit.http.conventions import MAX_BODY
from shared.kit.settings import MailingSettings, StorageSettings

ALERTS_MAX_BODY = 4 * 1024**2
"""Bytes of a delivery of Alertmanager, which puts all alerts of a group into one."""


class InvalidStatus(IntEnum):
    """The status of a request that is not valid, by version of osTicket."""

    AS_UP_TO_1_17 = 400
    AS_SINCE_1_17_3 = 500


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """For how long personal data is kept; None = for ever. `privacy.retention` carries it out."""

    tickets: timedelta | None
    """What people wrote on a ticket, from the day it was archived."""
    mails: timedelta | None
    """Mails as they arrived, from the day they came."""


class IntakeSettings(MailingSettings, StorageSettings):
    """Each field is the variable `EVERDESK_<FIELD>`."""

    port: int = Field(default=8001, ge=0, le=65_535)
    api_key_per_minute: int = Field(default=6000, ge=1)
    """Requests a minute allowed to a key that was made without a limit of its own."""
    address_per_minute: int = Field(default=60_000, ge=1)
    """API requests a minute allowed to one address, whatever keys it uses."""
    bad_keys_per_minute: int = Field(default=60, ge=1)
    """Keys that do not work which one address may try in a minute."""
    form_per_minute: int = Field(default=20, ge=1)
    """Form submissions a minute allowed to one address in the portal."""
    uploads_per_minute: int = Field(default=60, ge=1)
    """Files a minute that one address may send from the portal's pages."""
    search_per_minute: int = Field(default=60, ge=1)
    """Searches of the support centre a minute allowed to one address."""
    repeat_minutes: int = Field(default=10, ge=0, le=1440)
    """Minutes in which portal and desk ask before they take the same words for the same person again; 0 = never."""
    requester_per_hour: int = Field(default=30, ge=0)
    """New tickets an hour for one e-mail address, by portal and mail; 0 = no limit."""
    api_requester_per_hour: int = Field(default=0, ge=0)
    """The same for client programs with a key, osTicket's among them."""
    max_open_tickets: int = Field(default=20, ge=0)
    """Unsolved tickets that one e-mail address may have before portal and mail refuse another; 0 = no limit."""
    api_max_open_tickets: int = Field(default=0, ge=0)
    """The same for client programs with a key, osTicket's among them."""
    invitations_per_mailbox_per_day: int = Field(default=20, ge=0)
    """Invitations to people in copy that one mailbox, its plus-addresses included, may cause in a day; 0 = no limit."""
    invitations_per_guest_per_day: int = Field(default=5, ge=0)
    """Invitations a day that one mailbox gets, whoever causes them; 0 = no limit. More people are only proposed."""
    invitations_per_address_per_day: int = Field(default=50, ge=0)
    """Invitations a day caused on the portal's pages from one IPv4 address or IPv6 /64; 0 = no limit."""
    calm_per_minute: int = Field(default=10, ge=1)
    """Forms a minute from one address, beyond which its hasty forms are held back."""
    site_calm_per_minute: int = Field(default=120, ge=1)
    """Forms a minute from everybody, beyond which everybody's hasty forms are held back."""
    form_min_seconds: float = Field(default=2, ge=0, le=60)
    """A form that comes back faster than this is hasty, as no person writes so fast; 0 = none is."""
    challenge: str | None = None
    """Ignored: forms carry no challenge any more. `EVERDESK_FORM_MIN_SECONDS=0` lets hasty forms through."""
    challenge_bits: str | None = None
    """Ignored, as `EVERDESK_CHALLENGE` is."""
    max_file_bytes: int = Field(default=25 * 1024**2, ge=1024, le=5 * 1024**3)
    """Bytes of one attached file."""
    refused_extensions: str = (
        "ade adp app appref-ms appx appxbundle application bat chm cmd com cpl desktop dll dmg docm dotm exe gadget hlp"
        " hta inf ins iso isp jar jnlp js jse lib library-ms lnk mam mde mdb msc msh msh1 msh2 msi msix msixbundle msp"
        " mst nsh ops pif potm ppa ppam ppsm pptm ps1 ps1xml ps2 ps2xml psc1 psc2 psd1 psm1 pyz pyzw reg rgs scf scr"
        " sct settingcontent-ms shb shs sldm sys theme url vb vbe vbs vhd vhdx vxd website wll wsb wsc wsf wsh xbap"
        " xla xlam xll xlm xlsb xlsm xltm xnk"
    )
    """Endings of files that are not taken in, separated by spaces; what comes by mail goes into quarantine instead."""
    takes_macros: bool = False
    """Whether office files with macros in them are taken in, under any name."""
    clamd: str | None = Field(default=None, pattern=r"^(/.+|.+:\d{1,5})$")
    """Where clamd listens, as `host:port` or the path of its socket; without it nothing is scanned."""
    unattached_hours: int = Field(default=24, ge=1)
    """How long a file that was sent waits to be attached."""
    waiting_bytes: int = Field(default=4 * 1024**3, ge=0)
    """Bytes of files from the portal's pages that may wait to be attached, before these pages take no more."""
    keep_ticket_days: int | None = Field(default=None, ge=1)
    """How long what people wrote on a ticket is kept after it was archived; without it, for ever."""
    keep_mail_days: int | None = Field(default=90, ge=1)
    """How long mails are kept as they arrived, beside the messages they became."""
    osticket_invalid_status: InvalidStatus = InvalidStatus.AS_SINCE_1_17_3
    """What old clients get for a request that is not valid: osTicket answered 400 up to v1.17, 500 since v1.17.3."""
    osticket_default_topic: str = Field(default="", max_length=64)
    """Slug of the topic for old clients' tickets that name none, or one that is not known; empty: no topic."""
    osticket_max_body: int = Field(default=10 * 1024**2, ge=64 * 1024, le=64 * 1024**2)
    """Bytes of one request of an old client, its files included."""
    similar_per_minute: int = Field(default=60, ge=1)
    """Looks for similar requests a minute allowed to one address, while a form is filled in."""
    streams: int = Field(default=2000, ge=1)
    """Live streams one process keeps open."""
    streams_per_key: int = Field(default=200, ge=1)
    """Live streams one API key may keep open in a process."""
    streams_per_address: int = Field(default=40, ge=1)
    """Live pages one address may keep open in a process; a company may be one address."""
    stream_seconds: float = Field(default=900, gt=0)
    """After this, a live stream ends and its reader comes back."""
    seed_api_key: SecretStr | None = None
    """A key to put in place when seeding, for demonstrations."""

    @property
    def keeping(self) -> RetentionPolicy:
        """For how long personal data is kept."""
        tickets, mails = self.keep_ticket_days, self.keep_mail_days
        return RetentionPolicy(timedelta(days=tickets) if tickets else None, timedelta(days=mails) if mails else None)

    @property
    def repeat_window(self) -> timedelta:
        """How long portal and desk ask about what was sent before."""
        return timedelta(minutes=self.repeat_minutes)

    @property
    def file_limits(self) -> FileLimits:
        """What one file may be."""
        refused = frozenset(self.refused_extensions.lower().split())
        return FileLimits(self.max_file_bytes, refused, takes_macros=self.takes_macros)

    def body_limit(self, path: str) -> int:
        """Bytes a request to a path may have: forms with files have room for two of the largest."""
        if path.startswith("/api/"):
            return self.osticket_max_body
        if path == "/v1/alerts/alertmanager":
            return ALERTS_MAX_BODY
        if path in {"/v1/attachments", "/internal/attachments", "/tickets/uploads"}:
            return self.max_file_bytes + MAX_BODY
        if path == "/tickets/new" or (path.startswith("/t/") and path.endswith("/reply")):
            return 2 * self.max_file_bytes + MAX_BODY
        return MAX_BODY
