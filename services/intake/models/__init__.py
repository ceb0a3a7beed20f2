"""Intake's tables, by what they are about."""

from services.intake.models.abuse import Ban
from services.intake.models.alerts import Alert, AlertSource
from services.intake.models.attachments import Attachment, AttachmentState, JobPosition
from services.intake.models.base import Base
from services.intake.models.keys import StoredApiKey
from services.intake.models.known_incidents import IncidentChild, KnownIncident
from services.intake.models.known_people import OrganisationEntry, PersonAddress
from services.intake.models.mail import MailAncestor, MailId, RawMail, RawMailState
from services.intake.models.mail_preferences import MailPreference
from services.intake.models.people import (
    Agent,
    Erasure,
    InvitationCount,
    LinkRevocation,
    NewestDecision,
    Participant,
    SideMail,
)
from services.intake.models.satisfaction import SatisfactionSurvey
from services.intake.models.tickets import FIRST_NUMBER, Message, Ticket, TimelineEntry
from services.intake.models.topics import Announcement, Topic

__all__ = [
    "FIRST_NUMBER",
    "Agent",
    "Alert",
    "AlertSource",
    "Announcement",
    "Attachment",
    "AttachmentState",
    "Ban",
    "Base",
    "Erasure",
    "IncidentChild",
    "InvitationCount",
    "JobPosition",
    "KnownIncident",
    "LinkRevocation",
    "MailAncestor",
    "MailId",
    "MailPreference",
    "Message",
    "NewestDecision",
    "OrganisationEntry",
    "Participant",
    "PersonAddress",
    "RawMail",
    "RawMailState",
    "SatisfactionSurvey",
    "SideMail",
    "StoredApiKey",
    "Ticket",
    "TimelineEntry",
    "Topic",
]
