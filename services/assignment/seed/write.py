"""Writes the seeded organisation; what is there already stays as it is."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert

from services.assignment.commands.people.announcements import agent_changed, team_changed
from services.assignment.models import (
    Agent,
    Base,
    Calendar,
    Membership,
    Policy,
    Role,
    RoutingRule,
    Team,
)
from services.assignment.seed import organisation as org
from services.assignment.seed.organisation import id_of
from shared.kit.auth import hash_password
from shared.kit.clock import utc_now
from shared.kit.db import Database, Session


async def seed(database: Database, password: str | None) -> None:
    """Plants roles, people, teams, calendars, policies and routes. Without a password nobody can sign in yet."""
    hashes = {email: await hash_password(password) if password else None for email in org.AGENTS}
    async with database.begin() as session:
        await session.execute(text("select pg_advisory_xact_lock(7241003)"))
        is_first = await session.scalar(select(Agent.id).limit(1)) is None
        await _plant_people(session, hashes)
        await _plant_rules(session)
        if is_first:
            await _announce(session)


async def _plant_people(session: Session, hashes: dict[str, str | None]) -> None:
    await _plant(
        session,
        Role,
        [
            {
                "id": id_of("role", name),
                "name": name,
                "scope": scope.value,
                "permissions": [one.value for one in allowed],
            }
            for name, (scope, allowed) in org.ROLES.items()
        ],
    )
    await _plant(
        session,
        Agent,
        [
            {"id": id_of("agent", email), "email": email, "name": name, "password_hash": hashes[email]}
            for email, name in org.AGENTS.items()
        ],
    )
    await _plant(
        session,
        Team,
        [
            {
                "id": id_of("team", slug),
                "slug": slug,
                "name": name,
                "lead_id": id_of("agent", lead),
                "is_fallback": slug == org.FALLBACK_TEAM,
            }
            for slug, (name, lead) in org.TEAMS.items()
        ],
    )
    await _plant(
        session,
        Membership,
        [
            {"agent_id": id_of("agent", email), "team_id": id_of("team", team), "role_id": id_of("role", role)}
            for email, team, role in org.MEMBERSHIPS
        ],
    )


async def _plant_rules(session: Session) -> None:
    await _plant(
        session,
        Calendar,
        [
            {"slug": slug, "version": 1, "name": name, "body": calendar.model_dump(mode="json")}
            for slug, (name, calendar) in org.CALENDARS.items()
        ],
    )
    await _plant(
        session,
        Policy,
        [
            {
                "id": id_of("policy", name),
                "version": 1,
                "body": policy.model_dump(mode="json"),
                "is_default": name == org.DEFAULT_POLICY,
            }
            for name, policy in org.POLICIES.items()
        ],
    )
    rows = [dict(rule) for rule in org.ROUTING_RULES]
    for row in rows:
        team = row.pop("team")
        row |= {"id": id_of("rule", str(row["position"])), "team_id": id_of("team", team)}
    await _plant(session, RoutingRule, rows)


async def _plant(session: Session, model: type[Base], rows: Sequence[dict[str, Any]]) -> None:
    for row in rows:
        await session.execute(insert(model).values(row).on_conflict_do_nothing())


async def _announce(session: Session) -> None:
    now = utc_now()
    for agent in await session.scalars(select(Agent)):
        await agent_changed(session, agent, now)
    for team in await session.scalars(select(Team)):
        await team_changed(session, team, now)
