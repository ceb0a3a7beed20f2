"""One example of every event, always the same; the files in `docs/events/samples` are written from these."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from shared.contracts.base import AgentId, MessageId, PolicyId, TeamId, TicketId
from shared.contracts.events import (
    AccessLinkRequested,
    AccountChanged,
    AccountLinkRequested,
    AgentChanged,
    AssignmentDecided,
    AttachmentRef,
    Author,
    Candidate,
    Envelope,
    Event,
    FollowerChanged,
    InstallationChanged,
    LifecycleEvent,
    MessageEdited,
    MessagePosted,
    MessageUnclaimed,
    NoteAdded,
    NoteFilesAttached,
    NoteReceived,
    NotificationFailed,
    NotificationSent,
    OrganisationChanged,
    ParticipantChanged,
    ParticipantDecided,
    Person,
    RequesterChanged,
    RequesterErased,
    ReturnedTicket,
    SlaBreached,
    SlaBreachWithdrawn,
    SlaSettled,
    SlaWarned,
    TeamChanged,
    TicketAbsorbed,
    TicketArchived,
    TicketAssigned,
    TicketClosed,
    TicketDetached,
    TicketDueSet,
    TicketEdited,
    TicketErased,
    TicketEscalated,
    TicketHeld,
    TicketMentioned,
    TicketMessageRecorded,
    TicketOpened,
    TicketPended,
    TicketPolicyChanged,
    TicketPrioritised,
    TicketReleased,
    TicketReminded,
    TicketReopened,
    TicketResolved,
    TicketResumed,
    TicketsReturned,
    TicketSubmitted,
    TicketTransferred,
    TicketTriaged,
    TicketUnmerged,
    TopicChanged,
    TopicField,
)
from shared.contracts.names import ticket_workflow_id
from shared.contracts.tickets import SYSTEM, Actor, Clock, TicketSnapshot, TopicId, Verdict
from shared.contracts.vocabulary import (
    ActorKind,
    BodyFormat,
    Channel,
    ClockState,
    CloseReason,
    HoldReason,
    Metric,
    Outcome,
    ParticipantDecision,
    ParticipantState,
    Priority,
    ReturnReason,
    Status,
)
from tests.contracts.arranged_examples import arranged


def _uuid(last: int) -> UUID:
    return UUID(f"01990a4e-3c00-7000-8000-{last:012d}")


TICKET = TicketId(_uuid(1))
OTHER = TicketId(_uuid(8))
MESSAGE = MessageId(_uuid(2))
REPLY = MessageId(_uuid(3))
ADA = AgentId(_uuid(11))
GRACE = AgentId(_uuid(12))
BANKING = TeamId(_uuid(21))
CARDS = TeamId(_uuid(22))
POLICY = PolicyId(_uuid(31))
TOPIC = TopicId(_uuid(41))
REQUESTER = _uuid(51)
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NUMBER = "100001"

BY_ADA = Actor(kind=ActorKind.AGENT, id=ADA)
BY_GRACE = Actor(kind=ActorKind.AGENT, id=GRACE)


def at(minutes: float) -> datetime:
    """So many minutes after the ticket was opened."""
    return NOON + timedelta(minutes=minutes)


RESOLUTION = Clock(
    metric=Metric.RESOLUTION,
    cycle=1,
    state=ClockState.RUNNING,
    target=timedelta(hours=4),
    elapsed=timedelta(minutes=5),
    started_at=NOON,
    due_at=at(240),
)

SNAPSHOT = TicketSnapshot(
    ticket_id=TICKET,
    number=NUMBER,
    seq=3,
    revision=2,
    status=Status.OPEN,
    priority=Priority.URGENT,
    topic_id=TOPIC,
    team_id=BANKING,
    assignee_id=ADA,
    policy_id=POLICY,
    policy_version=1,
    opened_at=NOON,
    updated_at=at(5),
    due_at=at(240),
    clocks=(RESOLUTION,),
)


def step(seq: int, actor: Actor = BY_ADA, **changes: Any) -> dict[str, Any]:
    """What every lifecycle event holds, `seq` steps into the ticket's life."""
    snapshot = SNAPSHOT.model_copy(
        update={"seq": seq, "revision": max(1, seq - 1), "updated_at": at(seq), **changes},
    )
    return {
        "ticket_id": TICKET,
        "seq": seq,
        "revision": snapshot.revision,
        "at": at(seq),
        "actor": actor,
        "snapshot": snapshot,
    }


VERDICT = Verdict(
    metric=Metric.FIRST_RESPONSE,
    cycle=1,
    revision=1,
    target=timedelta(minutes=15),
    elapsed=timedelta(minutes=7),
    due_at=at(15),
    settled_at=at(7),
    outcome=Outcome.MET,
    policy_version=1,
    calendar_version=1,
)

_untriaged = {"team_id": None, "assignee_id": None, "policy_id": None, "policy_version": None, "clocks": ()}
_lifecycle: tuple[LifecycleEvent, ...] = (
    TicketOpened(**step(1, SYSTEM, status=Status.NEW, due_at=None, **_untriaged)),
    TicketTriaged(
        **step(2, SYSTEM, assignee_id=None),
        team_id=BANKING,
        priority=Priority.URGENT,
        policy_id=POLICY,
        policy_version=1,
    ),
    TicketAssigned(**step(3, BY_GRACE), agent_id=ADA),
    TicketMessageRecorded(
        **step(4, Actor(kind=ActorKind.AGENT, id=ADA), first_replied_at=at(4)),
        message_id=REPLY,
        author=ActorKind.AGENT,
    ),
    TicketReleased(**step(5, assignee_id=None), previous_agent_id=ADA),
    TicketTransferred(
        **step(6, BY_GRACE, team_id=CARDS, assignee_id=None),
        team_id=CARDS,
        previous_team_id=BANKING,
        previous_agent_id=ADA,
    ),
    TicketPrioritised(**step(7, priority=Priority.HIGH), priority=Priority.HIGH, previous=Priority.URGENT),
    TicketDueSet(**step(8, due_at=at(300)), due_at=at(300)),
    TicketPended(**step(9, status=Status.PENDING)),
    TicketHeld(**step(10, status=Status.ON_HOLD, hold_reason=HoldReason.VENDOR), reason=HoldReason.VENDOR),
    TicketResumed(**step(11), cause="command"),
    TicketResolved(**step(12, status=Status.RESOLVED, resolved_at=at(12))),
    TicketReopened(**step(13, Actor(kind=ActorKind.REQUESTER), reopen_count=1), cause="requester_message"),
    TicketClosed(
        **step(14, status=Status.CLOSED, closed_at=at(14), close_reason=CloseReason.RESOLVED),
        reason=CloseReason.RESOLVED,
        cause="command",
    ),
    TicketAbsorbed(**step(14), source_id=OTHER, merge_id=_uuid(72), resolution_from=at(-30), waiting_since=at(-30)),
    TicketDetached(**step(15), source_id=OTHER, merge_id=_uuid(72)),
    TicketUnmerged(**step(16), merge_id=_uuid(73), former_target_id=OTHER),
    TicketArchived(**step(15, SYSTEM, status=Status.CLOSED, closed_at=at(14), is_archived=True)),
    TicketPolicyChanged(**step(16, policy_version=2), policy_id=POLICY, policy_version=2),
    SlaWarned(**step(17, SYSTEM), metric=Metric.RESOLUTION, cycle=1, percent=75, due_at=at(240)),
    SlaBreached(**step(18, SYSTEM), metric=Metric.RESOLUTION, cycle=1, due_at=at(240)),
    SlaBreachWithdrawn(**step(19, SYSTEM), metric=Metric.FIRST_RESPONSE, cycle=1),
    SlaSettled(**step(20), verdict=VERDICT),
    TicketEscalated(**step(21, SYSTEM), metric=Metric.RESOLUTION, cycle=1, step=1, do="notify", to="lead"),
    TicketReminded(**step(22, SYSTEM, status=Status.PENDING), reminder=1, pending_since=at(9)),
)

_others: tuple[Event, ...] = (
    TicketSubmitted(
        ticket_id=TICKET,
        number=NUMBER,
        message_id=MESSAGE,
        requester=Person(email="ruth@bank.example", name="Ruth Okafor", phone="+44 20 7946 0000"),
        subject="Online banking system down",
        body="Nobody here can log in since nine o'clock.",
        body_format=BodyFormat.TEXT,
        channel=Channel.PORTAL,
        topic_id=TOPIC,
        priority=Priority.URGENT,
        fields={"branch": "Leeds"},
        cc=("ops@bank.example",),
        attachments=(AttachmentRef(id=_uuid(61), name="screen.png", media_type="image/png", size=48_213),),
        received_at=NOON,
    ),
    MessagePosted(
        ticket_id=TICKET,
        message_id=REPLY,
        author=Author(kind=ActorKind.AGENT, id=ADA, name="Ada Lovelace"),
        body="We found it: a certificate **has expired**. It is renewed within the hour.",
        body_format=BodyFormat.MARKDOWN,
        channel=Channel.DESK,
        received_at=at(7),
    ),
    ParticipantChanged(
        ticket_id=TICKET,
        email="ops@bank.example",
        name="Operations",
        state=ParticipantState.INVITED,
        version=1,
        changed_at=NOON,
        channel=Channel.EMAIL,
        added_by="dana@bank.example",
        added_at=NOON,
    ),
    ParticipantDecided(
        ticket_id=TICKET,
        email="ops@bank.example",
        name="Operations",
        decision=ParticipantDecision.INVITE,
        agent=Author(kind=ActorKind.AGENT, id=ADA, name="Ada Lovelace"),
        decided_at=NOON,
    ),
    NoteAdded(
        ticket_id=TICKET,
        note_id=MessageId(_uuid(4)),
        author=Author(kind=ActorKind.AGENT, id=ADA, name="Ada Lovelace"),
        body="The vendor was called.",
        body_format=BodyFormat.TEXT,
        about="hold",
        added_at=at(10),
    ),
    NoteFilesAttached(ticket_id=TICKET, note_id=MessageId(_uuid(4)), agent_id=ADA, attachment_ids=(_uuid(61),)),
    TicketMentioned(
        ticket_id=TICKET,
        note_id=MessageId(_uuid(4)),
        actor=Actor(kind=ActorKind.AGENT, id=ADA),
        agent_ids=(GRACE,),
        mentioned_at=at(10),
    ),
    FollowerChanged(ticket_id=TICKET, agent_id=GRACE, is_following=True, changed_at=at(10)),
    TicketEdited(
        ticket_id=TICKET,
        agent_id=ADA,
        subject="Online banking: log-in fails",
        fields={"branch": "Lisbon"},
        edited_at=at(12),
    ),
    MessageEdited(
        ticket_id=TICKET,
        message_id=REPLY,
        agent_id=ADA,
        body="We have found the cause and expect service by 13:00.",
        body_format=BodyFormat.TEXT,
        version=2,
        edited_at=at(13),
    ),
    NoteReceived(
        ticket_id=TICKET,
        message_id=MessageId(_uuid(5)),
        agent_id=ADA,
        body="Unverified mail from ada@everdesk.example:\n\nI know this customer, please wait for me.",
        body_format=BodyFormat.TEXT,
        received_at=at(10),
    ),
    MessageUnclaimed(ticket_id=TICKET, message_id=MESSAGE),
    AssignmentDecided(
        ticket_id=TICKET,
        team_id=BANKING,
        agent_id=ADA,
        priority=Priority.URGENT,
        policy_id=POLICY,
        rule="Topic is Online banking",
        required_skills=("tls",),
        candidates=(
            Candidate(agent_id=ADA, load=2, is_available=True, skills=("tls",), last_assigned_at=NOON),
            Candidate(agent_id=GRACE, load=1, is_available=True),
        ),
        tie_break="none",
        decided_at=at(1),
    ),
    AgentChanged(
        agent_id=ADA, email="ada@everdesk.example", name="Ada Lovelace", is_active=True, is_available=True, version=1
    ),
    TicketsReturned(
        team_id=BANKING,
        team="Online banking",
        previous="Ada Lovelace",
        tickets=(
            ReturnedTicket(
                ticket_id=TICKET, number="100042", priority=Priority.URGENT, reason=ReturnReason.AGENT_INACTIVE
            ),
        ),
        count=1,
        told=(GRACE,),
        returned_at=at(5),
    ),
    TeamChanged(
        team_id=BANKING,
        slug="online-banking",
        name="Online banking",
        lead_id=GRACE,
        member_ids=(ADA, GRACE),
        version=1,
    ),
    TopicChanged(
        topic_id=TOPIC,
        slug="online-banking",
        name="Online banking",
        is_active=True,
        fields=(TopicField(name="branch", label="Branch", kind="choice"),),
        version=1,
    ),
    RequesterChanged(requester_id=REQUESTER, email="ruth@bank.example", name="Ruth Okafor", version=2),
    InstallationChanged(organisation="Bank", version=2),
    OrganisationChanged(organisation_id=_uuid(81), name="Bank", domains=("bank.example",), version=2),
    RequesterErased(requester_id=REQUESTER, ticket_ids=(TICKET,), took_part_in=(OTHER,), erased_at=at(60)),
    TicketErased(ticket_id=TICKET, erased_at=at(60)),
    AccountLinkRequested(agent_id=ADA, link_id=_uuid(61), purpose="reset", requested_at=at(30), expires_at=at(60)),
    AccountChanged(agent_id=ADA, change="password_changed", changed_at=at(45)),
    AccessLinkRequested(ticket_id=TICKET, requested_at=at(30)),
    NotificationSent(
        delivery_id=_uuid(71),
        ticket_id=TICKET,
        cause=f"{ticket_workflow_id(TICKET)}:3",
        template="assigned",
        message_id="<3f1f2a1e-7b0c-5d7e-9f43-0c1d2e3f4a5b@everdesk.example>",
        sent_at=at(3),
    ),
    NotificationFailed(
        delivery_id=_uuid(72),
        ticket_id=TICKET,
        cause=f"{ticket_workflow_id(TICKET)}:3",
        template="assigned",
        reason="550 no such user",
        failed_at=at(3),
    ),
)

EXAMPLES: dict[str, Event] = {
    event.type(): event for event in (*_lifecycle, *_others, *arranged(TICKET, OTHER, BY_ADA, at(12)))
}


def example_envelope(event_type: str) -> Envelope:
    """The example of a type, in its envelope."""
    event = EXAMPLES[event_type]
    if isinstance(event, LifecycleEvent):
        return event.envelope(f"{ticket_workflow_id(event.ticket_id)}:{event.seq}", event.at)
    return event.envelope(str(uuid5(TICKET, event_type)), NOON)


def sample_text(event_type: str) -> str:
    """The sample file's text."""
    return example_envelope(event_type).model_dump_json(indent=2) + "\n"
