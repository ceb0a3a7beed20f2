"""Whether an agent may see a ticket, from the rights that assignment published, and who is told only if they may."""

from sqlalchemy import ColumnElement, and_, any_, not_, or_, select
from sqlalchemy.orm import aliased

from services.notification.decisions.event_rules import FOLLOWS
from services.notification.decisions.fallback_recipients import STANDS_IN
from services.notification.delivery.templates import TemplateName
from services.notification.models import Agent, Delivery, Team, Ticket
from services.notification.rules.additional_recipients import ADDITIONAL
from services.notification.rules.matrix import RecipientAudience

NEWS = (
    TemplateName.NEW_TICKET,
    TemplateName.ASSIGNED,
    TemplateName.TRANSFERRED,
    TemplateName.FOLLOWER_REPLY,
    TemplateName.FOLLOWER_RESOLVED,
    TemplateName.FOLLOWER_REOPENED,
    TemplateName.FOLLOWER_CLOSED,
)
"""What agents are told of tickets of theirs, and nobody else is told instead if they are not."""


def asks_for_sight(delivery: type[Delivery] = Delivery) -> ColumnElement[bool]:
    """Whether a row is for somebody who is told of the ticket only while they may see it."""
    return or_(
        delivery.template == TemplateName.MENTIONED,
        delivery.facts.has_key(FOLLOWS),
        delivery.audience.is_not_distinct_from(RecipientAudience.LAST_RESPONDER.value),
    )


def is_sight_known() -> ColumnElement[bool]:
    """Whether it can be said who sees the ticket of a row: news of its team may come after that of the ticket."""
    is_announced = select(Team.id).where(Team.id == Ticket.team_id).correlate(Ticket).exists()
    return or_(Ticket.team_id.is_(None), is_announced, is_in_sight())


def loses_interest() -> ColumnElement[bool]:
    """Whether a row is news for somebody who saw the ticket, and not for whoever stands in and may never have."""
    stands_in = and_(Delivery.facts.has_key(STANDS_IN), not_(Delivery.facts.has_key(ADDITIONAL)))
    return and_(Delivery.template.in_(NEWS), not_(stands_in))


def is_in_sight() -> ColumnElement[bool]:
    """Whether the agent of a row sees its ticket: as assignee, by a role in its team or one above, or every ticket.

    Of a team that was announced without its viewers nobody sees the tickets by a role in it.
    """
    team, reached = aliased(Team), aliased(Team)
    by_role = (
        select(reached.id)
        .join(team, or_(reached.id == team.id, reached.id == any_(team.lineage)))
        .where(team.id == Ticket.team_id, Agent.id == any_(reached.viewer_ids))
        .correlate(Agent, Ticket)
        .exists()
    )
    return or_(Agent.sees_all_tickets, Ticket.assignee_id.is_not_distinct_from(Agent.id), by_role)
