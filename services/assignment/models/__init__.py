"""The tables of the database `assignment`."""

from services.assignment.models.access import (
    AccountLink,
    LoginAttempt,
    Passkey,
    PendingSignIn,
    RecoveryCode,
    Session,
    TotpSecret,
)
from services.assignment.models.activity import (
    ActivityCount,
    ActivityWatermark,
    BacklogCount,
    BacklogWatermark,
    HeldCount,
)
from services.assignment.models.analysis_runs import AnalysisRun
from services.assignment.models.base import FAR_FUTURE, Base, table_of
from services.assignment.models.canned_responses import CannedResponse
from services.assignment.models.clock_counts import ClockCount, ClockWatermark
from services.assignment.models.composing import (
    AgentFile,
    AgentSettings,
    ComposerDraft,
    EntryVersion,
    Follower,
    HeldReply,
    LinkedTickets,
    TicketPresence,
)
from services.assignment.models.desk import BulkJob, BulkTicket, DeskPreferences, Export, ExportPart, SavedView
from services.assignment.models.follow_ups import FollowUp
from services.assignment.models.incidents import MajorIncident
from services.assignment.models.participants import Participant
from services.assignment.models.people import Agent, Membership, Role, Team
from services.assignment.models.provisioning import DirectoryGroup, DirectoryGroupMember, DirectoryUser, GroupRole
from services.assignment.models.requesters import RequesterAddress, RequesterNote, RequesterRecord
from services.assignment.models.returns import Departure, TicketReturn
from services.assignment.models.rollouts import Rollout, RolloutStep, RolloutTicket
from services.assignment.models.routing import AgentLoad, AgentLoadChange, RoutingTurn, TicketAssignment
from services.assignment.models.routing_rules import Organisation, OrganisationDomain, RoutingRule, RoutingRuleCount
from services.assignment.models.rules import Calendar, CalendarFeed, Policy, StoredSnapshot, Topic
from services.assignment.models.satisfaction import SatisfactionRating
from services.assignment.models.saved_reports import ReportRun, ReportSchedule, SavedReport
from services.assignment.models.service_tokens import ServiceToken
from services.assignment.models.setup import Installation, SetupLink
from services.assignment.models.side_conversations import SideConversation, SideMessage
from services.assignment.models.single_sign_on import ProviderIdentity, SingleSignOn, UsedSignOn
from services.assignment.models.tasks import TicketTask
from services.assignment.models.tickets import (
    ErasedTicket,
    Intent,
    LoggedEvent,
    Message,
    Note,
    RoutingDecision,
    SettledClock,
    Ticket,
    TicketWords,
)
from services.assignment.models.wall_boards import WallBoard

__all__ = [
    "FAR_FUTURE",
    "AccountLink",
    "ActivityCount",
    "ActivityWatermark",
    "Agent",
    "AgentFile",
    "AgentLoad",
    "AgentLoadChange",
    "AgentSettings",
    "AnalysisRun",
    "BacklogCount",
    "BacklogWatermark",
    "Base",
    "BulkJob",
    "BulkTicket",
    "Calendar",
    "CalendarFeed",
    "CannedResponse",
    "ClockCount",
    "ClockWatermark",
    "ComposerDraft",
    "Departure",
    "DeskPreferences",
    "DirectoryGroup",
    "DirectoryGroupMember",
    "DirectoryUser",
    "EntryVersion",
    "ErasedTicket",
    "Export",
    "ExportPart",
    "FollowUp",
    "Follower",
    "GroupRole",
    "HeldCount",
    "HeldReply",
    "Installation",
    "Intent",
    "LinkedTickets",
    "LoggedEvent",
    "LoginAttempt",
    "MajorIncident",
    "Membership",
    "Message",
    "Note",
    "Organisation",
    "OrganisationDomain",
    "Participant",
    "Passkey",
    "PendingSignIn",
    "Policy",
    "ProviderIdentity",
    "RecoveryCode",
    "ReportRun",
    "ReportSchedule",
    "RequesterAddress",
    "RequesterNote",
    "RequesterRecord",
    "Role",
    "Rollout",
    "RolloutStep",
    "RolloutTicket",
    "RoutingDecision",
    "RoutingRule",
    "RoutingRuleCount",
    "RoutingTurn",
    "SatisfactionRating",
    "SavedReport",
    "SavedView",
    "ServiceToken",
    "Session",
    "SettledClock",
    "SetupLink",
    "SideConversation",
    "SideMessage",
    "SingleSignOn",
    "StoredSnapshot",
    "Team",
    "Ticket",
    "TicketAssignment",
    "TicketPresence",
    "TicketReturn",
    "TicketTask",
    "TicketWords",
    "Topic",
    "TotpSecret",
    "UsedSignOn",
    "WallBoard",
    "table_of",
]
