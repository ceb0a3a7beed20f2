"""Changes an agent's availability and out-of-office dates."""

from services.assignment.app_state import AppState
from services.assignment.commands.configuration.administration import apply_changes, changes_of, changing, get_locked
from services.assignment.commands.configuration.audit import record_change
from services.assignment.commands.people.agent_abilities import complete_abilities
from services.assignment.commands.people.announcements import agent_changed
from services.assignment.models import Agent
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.people.people import get_agent_view
from services.assignment.schemas.people import AgentView
from services.assignment.schemas.routing import AvailabilityInput
from shared.kit.clock import utc_now


async def set_availability(context: AppState, caller: Caller, body: AvailabilityInput) -> AgentView:
    """Changes the caller's own availability. The audit log tells of planned absences, not of every coffee."""
    changes = changes_of(body)
    async with changing(context, caller) as session:
        agent = await get_locked(session, Agent, caller.agent_id, "agent")
        before = await get_agent_view(session, caller.agent_id)
        await complete_abilities(session, agent, changes)
        if not apply_changes(agent, changes):
            return before
        agent.version += 1
        await agent_changed(session, agent, utc_now())
        view = await get_agent_view(session, caller.agent_id)
        if before.out_of_office != view.out_of_office:
            await record_change(session, before, view)
    context.backlog.wake()
    return view
