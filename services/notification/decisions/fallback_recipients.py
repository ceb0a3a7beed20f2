"""Fallback recipients: who gets a mail instead of an agent who is inactive or missing."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import JsonValue
from sqlalchemy import Row, or_, select

from services.notification.decisions.event_rules import AUTHOR_ADDRESS, DONE_BY, Breach, NotificationDecision, agent
from services.notification.delivery.templates import TemplateName
from services.notification.models import Agent, Team
from services.notification.settings import UnassignedMessagesTo
from shared.contracts.base import AgentId, TicketId
from shared.contracts.vocabulary import BodyFormat
from shared.kit.addresses import address_key, is_reachable
from shared.kit.db import Session
from shared.kit.i18n.messages import marked as _

MESSAGES = (TemplateName.REQUESTER_MESSAGE, TemplateName.SIDE_ANSWER)
"""Mails that quote what somebody outside wrote."""
STANDS_IN = "stands_in"
"""The fact that says why somebody gets a mail that was for another; the layout of mails shows it."""
NOBODY_ASSIGNED = _("nobody is assigned to the ticket, and you are the next who can act on it")
NOT_ACTIVE = _("whoever was to be told of it is not active, and you are the next who can act on the ticket")
UNREAD = {"body": "", "body_format": BodyFormat.TEXT.value, "attachments": []}
"""Administrators may lack the right to read the ticket: they are told that there is a message, not what it says."""


@dataclass(frozen=True, slots=True)
class _Roster:
    """The active agents who can be fallback recipients, and their teams."""

    agents: Mapping[UUID, Agent]
    teams: Mapping[UUID, Team]

    def without_author(self, facts: Mapping[str, JsonValue]) -> "_Roster":
        """Returns the roster without whoever did what is told: nobody stands in for the reader of their own doing."""
        done_by, wrote = facts.get(DONE_BY), address_key(str(facts.get(AUTHOR_ADDRESS, "")))
        others = {
            one.id: one for one in self.agents.values() if str(one.id) != done_by and address_key(one.email) != wrote
        }
        return _Roster(others, self.teams)

    def active(self, ids: Iterable[UUID | None]) -> list[Agent]:
        """Returns those of the given agents who are active."""
        return [self.agents[one] for one in ids if one is not None and one in self.agents]

    def administrators(self) -> list[Agent]:
        """Returns the administrators of agents."""
        return [one for one in self.agents.values() if one.is_administrator]


async def find_fallback_recipients(
    session: Session, rows: Collection[Row[*tuple[Any, ...]]], unassigned_to: UnassignedMessagesTo
) -> dict[UUID, list[NotificationDecision]]:
    """Returns, by the id of each row without a recipient, the same mail for the fallback recipients."""
    if not rows:
        return {}
    roster = await _load_roster(session, {_team_of(row) for row in rows})
    found = {row.id: _decide(row, roster.without_author(row.facts), unassigned_to) for row in rows}
    return {row_id: decisions for row_id, decisions in found.items() if decisions}


async def _load_roster(session: Session, team_ids: Collection[UUID | None]) -> _Roster:
    teams = (await session.scalars(select(Team).where(Team.id.in_(team_ids)))).all()
    ids = {one for team in teams for one in (team.lead_id, *members_who_act(team)) if one is not None}
    active = select(Agent).where(Agent.is_active, or_(Agent.id.in_(ids), Agent.is_administrator)).order_by(Agent.id)
    agents = {one.id: one for one in await session.scalars(active) if is_reachable(one.email)}
    return _Roster(agents, {team.id: team for team in teams})


def members_who_act(team: Team) -> Sequence[UUID]:
    """Returns the members who may work on the team's tickets; all members while permissions are unknown."""
    return team.member_ids if team.worker_ids is None else team.worker_ids


def _team_of(row: Row[*tuple[Any, ...]]) -> UUID | None:
    """Returns the team of the event, else the ticket's."""
    team_id: UUID | None = row.team_id or row.ticket_team_id
    return team_id


def _decide(
    row: Row[*tuple[Any, ...]], roster: _Roster, unassigned_to: UnassignedMessagesTo
) -> list[NotificationDecision]:
    team_id = _team_of(row)
    team = roster.teams.get(team_id) if team_id else None
    lead = roster.active([team.lead_id] if team else [])
    members = roster.active(members_who_act(team) if team else [])
    available = [one for one in members if one.is_available]
    is_message = row.template in MESSAGES
    first = (available, lead) if is_message and unassigned_to == "members" else (lead, available)
    facts = dict(row.facts) | {STANDS_IN: NOBODY_ASSIGNED if row.known_agent_id is None else NOT_ACTIVE}
    chosen = next((tier for tier in (*first, members) if tier), None)
    if chosen is None:
        chosen = roster.administrators()
        facts |= UNREAD if is_message else {}
    return [_decision(row, one, facts) for one in chosen]


def _decision(row: Row[*tuple[Any, ...]], to: Agent, facts: Mapping[str, JsonValue]) -> NotificationDecision:
    about = Breach(row.about, row.seq) if row.about is not None and row.seq is not None else None
    recipient = agent(AgentId(to.id))
    return NotificationDecision(
        TicketId(row.ticket_id), TemplateName(row.template), recipient, facts, about, row.weight, row.audience
    )
