"""The words of a ticket's life, each defined once: statuses, actions, priorities, kinds and permissions."""

from enum import StrEnum


class Status(StrEnum):
    """Where a ticket stands."""

    NEW = "new"
    OPEN = "open"
    PENDING = "pending"
    ON_HOLD = "on_hold"
    RESOLVED = "resolved"
    CLOSED = "closed"


class Action(StrEnum):
    """What can be done to a ticket's lifecycle; `shared.domain.lifecycle` says from which status."""

    TRIAGE = "triage"
    ASSIGN = "assign"
    RELEASE = "release"
    TRANSFER = "transfer"
    PRIORITISE = "prioritise"
    SET_DUE = "set_due"
    CHANGE_POLICY = "change_policy"
    PEND = "pend"
    HOLD = "hold"
    RESUME = "resume"
    RESOLVE = "resolve"
    REOPEN = "reopen"
    CLOSE = "close"


class Priority(StrEnum):
    """How urgent a ticket is; SLA targets are set per priority."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"

    @property
    def rank(self) -> int:
        """0 for `low` up to 3 for `urgent`, for sorting."""
        return list(Priority).index(self)


class ReturnReason(StrEnum):
    """Why a ticket went back to a team without anybody asking for it."""

    AGENT_INACTIVE = "agent_inactive"
    AGENT_LEFT_TEAM = "agent_left_team"
    TEAM_INACTIVE = "team_inactive"
    AGENT_ABSENT = "agent_absent"
    """Out of office while the requester waits for an answer."""
    AGENT_UNAVAILABLE = "agent_unavailable"
    """Reopened while whoever had it may not get tickets."""


class Strategy(StrEnum):
    """How a team's tickets are given to its agents."""

    LEAST_LOADED = "least_loaded"
    ROUND_ROBIN = "round_robin"
    WEIGHTED = "weighted"
    MANUAL = "manual"
    """Nobody is chosen: tickets wait in the team until somebody takes them."""


class Handover(StrEnum):
    """What becomes of a ticket that its agent gave back, or that lost its agent."""

    TEAM = "team"
    """It waits in the team until somebody takes it."""
    ROUTE = "route"
    """The next agent is chosen."""


class Availability(StrEnum):
    """Whether an agent takes new tickets, as they say themselves."""

    ONLINE = "online"
    AWAY = "away"
    OFFLINE = "offline"


class OutReason(StrEnum):
    """Why an agent was not among those a ticket could be given to."""

    AWAY = "away"
    OFFLINE = "offline"
    OUT_OF_OFFICE = "out_of_office"
    OUTSIDE_HOURS = "outside_hours"
    LACKS_SKILL = "lacks_skill"
    FULL = "full"
    PASSED = "passed"
    """The ticket was offered to them, and they did not take it."""
    HAD_SHARE = "had_share"
    """Of what had been waiting they just got their share; the others get time to come."""
    NOT_DELEGATE = "not_delegate"
    """The team hands an absent agent's tickets to nobody else than their delegate."""


class DecidedBy(StrEnum):
    """What settled which agent got a ticket."""

    FEWEST_OPEN = "fewest_open"
    LONGEST_IDLE = "longest_idle"
    WEIGHT = "weight"
    ONLY_CANDIDATE = "only_candidate"
    PREFERRED_SKILL = "preferred_skill"
    RULE = "rule"
    """A routing rule names the agent."""
    LAST_AGENT = "last_agent"
    """A reopened ticket stays with whoever had it."""
    DELEGATE = "delegate"
    MANUAL = "manual"
    """The team deals out its tickets itself."""
    NOBODY_FITS = "nobody_fits"


class DecisionCause(StrEnum):
    """What made a decision necessary."""

    NEW = "new"
    BACKLOG = "backlog"
    REOPENED = "reopened"
    OFFER_LAPSED = "offer_lapsed"
    ABSENT = "absent"


class HoldReason(StrEnum):
    """Which third party a ticket on hold waits for."""

    VENDOR = "vendor"
    THIRD_PARTY = "third_party"
    CHANGE_WINDOW = "change_window"
    PROBLEM = "problem"
    APPROVAL = "approval"
    OTHER = "other"


class CloseReason(StrEnum):
    """Why a ticket was closed; `spam` and `duplicate` cancel its clocks."""

    RESOLVED = "resolved"
    DUPLICATE = "duplicate"
    SPAM = "spam"
    WITHDRAWN = "withdrawn"
    NO_RESPONSE = "no_response"


class Metric(StrEnum):
    """What an SLA clock measures."""

    FIRST_RESPONSE = "first_response"
    NEXT_RESPONSE = "next_response"
    RESOLUTION = "resolution"


class ClockState(StrEnum):
    """Whether an SLA clock counts, waits or is done."""

    RUNNING = "running"
    PAUSED = "paused"
    SETTLED = "settled"


class Outcome(StrEnum):
    """How an SLA clock ended."""

    MET = "met"
    BREACHED = "breached"
    CANCELLED = "cancelled"


class PolicyMode(StrEnum):
    """What another SLA policy does to clocks that already run."""

    CARRY = "carry"
    RESTART = "restart"
    REVERT = "revert"


class ActorKind(StrEnum):
    """Who did it."""

    REQUESTER = "requester"
    AGENT = "agent"
    CLIENT = "client"
    """A program that asks for help on somebody's behalf."""
    PROGRAM = "program"
    """A program that works on tickets with a service token: it answers as we do, and is nobody's person."""
    SYSTEM = "system"

    @property
    def is_ours(self) -> bool:
        """Whether what it writes is an answer to the requester."""
        return self in (ActorKind.AGENT, ActorKind.PROGRAM)


class ParticipantState(StrEnum):
    """Whether somebody in copy takes part: asked first, never added unasked."""

    PROPOSED = "proposed"
    """Named by a mail that proves nothing: not asked before the requester or an agent confirms it."""
    INVITED = "invited"
    JOINED = "joined"
    DECLINED = "declined"
    REMOVED = "removed"


class ParticipantDecision(StrEnum):
    """What an agent decides about somebody in copy of a ticket."""

    INVITE = "invite"
    """Adds somebody, or confirms who was proposed."""
    REMOVE = "remove"


class Channel(StrEnum):
    """How something came in."""

    PORTAL = "portal"
    API = "api"
    EMAIL = "email"
    DESK = "desk"
    PHONE = "phone"
    """Told to an agent on the telephone."""
    WALK_IN = "walk_in"
    """Told to an agent in person."""


class BodyFormat(StrEnum):
    """How a message body is written."""

    TEXT = "text"
    MARKDOWN = "markdown"
    HTML = "html"


class Permission(StrEnum):
    """One thing a role may allow."""

    TICKET_VIEW = "ticket.view"
    TICKET_CREATE = "ticket.create"
    TICKET_EDIT = "ticket.edit"
    TICKET_ASSIGN = "ticket.assign"
    TICKET_CLAIM = "ticket.claim"
    TICKET_RELEASE = "ticket.release"
    TICKET_TRANSFER = "ticket.transfer"
    TICKET_REPLY = "ticket.reply"
    TICKET_NOTE = "ticket.note"
    TICKET_RESOLVE = "ticket.resolve"
    TICKET_CLOSE = "ticket.close"
    TICKET_REOPEN = "ticket.reopen"
    TICKET_TAG = "ticket.tag"
    TICKET_MERGE = "ticket.merge"
    REPORT_VIEW = "report.view"
    ADMIN_AGENTS = "admin.agents"
    ADMIN_TEAMS = "admin.teams"
    ADMIN_SLA = "admin.sla"
    ADMIN_ROUTING = "admin.routing"
    ADMIN_CANNED = "admin.canned"
    ADMIN_INTAKE = "admin.intake"
    ADMIN_NOTIFICATION = "admin.notification"


class Scope(StrEnum):
    """Which tickets a role reaches."""

    ALL = "all"
    TEAMS = "teams"
    ASSIGNED = "assigned"
