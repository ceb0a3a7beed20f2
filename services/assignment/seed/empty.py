"""Seeds an empty installation: roles, a calendar and an SLA policy; no agents."""

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from services.assignment.models import Agent, Calendar, Installation, Policy, Role, table_of
from services.assignment.seed import organisation as org
from services.assignment.seed.organisation import id_of
from shared.kit.db import Database, Session

CALENDAR = "always"


async def seed_empty(database: Database) -> None:
    """Plants them; what is there stays as it is. Only where nobody is yet, somebody is to be led through setting up."""
    async with database.begin() as session:
        is_new = await session.scalar(select(Agent.id).limit(1)) is None
        await _plant(session)
        if is_new:
            await session.execute(insert(table_of(Installation)).values(id=1).on_conflict_do_nothing())


async def _plant(session: Session) -> None:
    for name, (scope, allowed) in org.ROLES.items():
        role = {"id": id_of("role", name), "name": name, "scope": scope.value, "version": 1}
        role |= {"permissions": [one.value for one in allowed]}
        await session.execute(insert(table_of(Role)).values(role).on_conflict_do_nothing())
    name, hours = org.CALENDARS[CALENDAR]
    calendar = {"slug": CALENDAR, "version": 1, "name": name, "body": hours.model_dump(mode="json"), "is_current": True}
    await session.execute(insert(table_of(Calendar)).values(calendar).on_conflict_do_nothing())
    policy = {
        "id": id_of("policy", org.DEFAULT_POLICY),
        "version": 1,
        "body": org.POLICIES[org.DEFAULT_POLICY].model_dump(mode="json"),
        "is_default": True,
        "is_current": True,
    }
    await session.execute(insert(table_of(Policy)).values(policy).on_conflict_do_nothing())
