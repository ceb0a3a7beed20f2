"""Whether an agent may see a ticket, from the rights that assignment published, and who is told only if they may."""

from sqlalchemy import ColumnElement, any_, or_, select
from sqlalchemy.orm import aliased

from services.notification.decisions.event_rules import FOLLOWS
from services.notification.delivery.templates import TemplateName
from services.notification.models import Agent, Delivery, Team, Ticket
from services.notification.rules.matrix import RecipientAudience


def asks_for_sight() -> ColumnElement[bool]:
    """Whether a row is for somebody who is told of the ticket only while they may see it."""
    return or_(
        Delivery.template == TemplateName.MENTIONED,
        Delivery.facts.has_key(FOLLOWS),
        Delivery.audience.is_not_distinct_from(RecipientAudience.LAST_RESPONDER.value),
    )


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
