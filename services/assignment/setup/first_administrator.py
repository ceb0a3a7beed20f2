"""Creates organisation, first team and first administrator from the set-up form."""

import re
import unicodedata
from dataclasses import dataclass

from sqlalchemy import select, text

from services.assignment.access.sessions import SignedIn, SignInProof, Visit, open_session
from services.assignment.app_state import AppState
from services.assignment.commands.configuration.audit import record_change, set_actor
from services.assignment.commands.people.announcements import agent_changed, installation_changed, team_changed
from services.assignment.commands.people.passwords import hash_new_password
from services.assignment.models import Agent, Installation, Membership, Role, Team
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.people.people import get_agent_view, team_view
from services.assignment.schemas.people import NewPassword
from services.assignment.seed.organisation import id_of
from services.assignment.setup.links import find_link
from services.assignment.setup.progress import ADMINISTRATOR, mark_done
from shared.contracts.base import AgentId
from shared.domain.permissions import Principal
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Session
from shared.kit.http.inputs import Email, Input, Line
from shared.kit.http.problems import Problem

ROLE = "All access"
_NOT_A_SLUG = re.compile(r"[^a-z0-9]+")


class FirstAdministrator(Input):
    """The first page's form."""

    organisation: Line
    team: Line
    """The name of the team that gets every ticket, until there are more."""
    name: Line
    email: Email
    password: NewPassword


@dataclass(frozen=True, slots=True)
class LinkNotValid(Exception):
    """The link was used, is too old, or never was one."""


async def create_first_administrator(context: AppState, token: str, body: FirstAdministrator, visit: Visit) -> SignedIn:
    """Uses the link up: the team, the administrator and their session come into being together, or nothing does.

    Raises LinkNotValid, and Problem 422 for a password that is easily guessed.
    """
    async with context.database.begin() as session:
        if await find_link(session, token, utc_now()) is None:
            raise LinkNotValid
    hashed = await hash_new_password(body.password.get_secret_value(), (body.email, body.name, body.organisation))
    async with context.database.begin() as session:
        await session.execute(text("select pg_advisory_xact_lock(7241004)"))
        link = await find_link(session, token, utc_now(), lock=True)
        if link is None:
            raise LinkNotValid
        agent_id = AgentId(new_id())
        link.used_at, link.agent_id = utc_now(), agent_id
        set_actor(session, Caller(Principal(agent_id, ()), body.email, body.name, visit.channel, b"", visit.address))
        await _make(session, agent_id, body, hashed)
        signed_in = await open_session(session, context.settings, agent_id, visit, SignInProof("password"))
    context.relay.wake()
    return signed_in


async def _make(session: Session, agent_id: AgentId, body: FirstAdministrator, hashed: str) -> None:
    agent = Agent(id=agent_id, email=body.email, name=body.name, password_hash=hashed, is_active=True, version=1)
    agent.is_available, agent.skills = True, []
    session.add(agent)
    await session.flush()
    is_first = await session.scalar(select(Team.id).where(Team.is_fallback)) is None
    slug = slug_from(body.team)
    team = Team(id=new_id(), slug=slug, name=body.team, lead_id=agent_id, is_fallback=is_first, lineage=[], version=1)
    session.add(team)
    await session.flush()
    session.add(Membership(agent_id=agent_id, team_id=team.id, role_id=await _role(session)))
    installation = await session.get(Installation, 1, with_for_update=True)
    if installation is not None:
        installation.organisation = body.organisation
        await installation_changed(session, installation)
    await mark_done(session, ADMINISTRATOR)
    await session.flush()
    now = utc_now()
    await agent_changed(session, agent, now)
    await team_changed(session, team, now)
    await record_change(session, None, team_view(team))
    await record_change(session, None, await get_agent_view(session, agent_id))


async def _role(session: Session) -> object:
    role = await session.get(Role, id_of("role", ROLE))
    if role is None:
        raise Problem(409, "role_missing", f"there is no role {ROLE}; run the seed first")
    return role.id


def slug_from(name: str) -> str:
    """A short name for a team."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return _NOT_A_SLUG.sub("-", plain).strip("-")[:64] or "first-team"
