"""Account recovery at the command line, for administrators whom no other can help. Every action is audited."""

import argparse
import asyncio
import getpass
import sys
from collections.abc import Awaitable, Callable

from sqlalchemy import func, select

from services.assignment.access import second_step, sign_in
from services.assignment.access.access_log import record_access
from services.assignment.access.account_links import make_link
from services.assignment.access.attempts import forget_failures
from services.assignment.access.second_factors import find_factors, remove_all_factors
from services.assignment.access.sessions import end_sessions
from services.assignment.models import Agent
from services.assignment.settings import AssignmentSettings
from shared.kit.addresses import address_key
from shared.kit.db import Database, Session

Action = Callable[[Session, AssignmentSettings, Agent, str], Awaitable[str]]
"""Does it, and returns what to tell the operator. The text is the network address that was given, if any."""


async def show(session: Session, _: AssignmentSettings, agent: Agent, _address: str) -> str:
    """Returns a description of the agent's authentication without changing it."""
    factors = await find_factors(session, agent.id)
    facts = {
        "active": agent.is_active,
        "password": agent.password_hash is not None,
        "authenticator app": factors.has_totp,
        "passkeys": factors.passkeys,
        "recovery codes": factors.recovery_codes,
    }
    return "\n".join([f"{agent.name} <{agent.email}>", *(f"  {name}: {_said(value)}" for name, value in facts.items())])


async def reset_password(session: Session, settings: AssignmentSettings, agent: Agent, _address: str) -> str:
    """Creates a reset link that works once. Setting the password with it ends all sessions."""
    if not agent.is_active:
        return "This agent is deactivated; nothing was done."
    url, expires_at = await make_link(session, settings, agent)
    await _record(session, "agent.password-link-made", agent)
    return f"Open this once, before {expires_at:%H:%M} UTC, and choose a new password:\n{url}"


async def reset_second_factor(session: Session, _: AssignmentSettings, agent: Agent, _address: str) -> str:
    """Removes all second factors and recovery codes, and ends all sessions."""
    await remove_all_factors(session, agent.id)
    await end_sessions(session, agent.id)
    await _record(session, "agent.second-factor-reset", agent)
    return "The second factor is reset and all sessions have ended: the password alone is enough for the next sign-in."


async def unlock(session: Session, _: AssignmentSettings, agent: Agent, address: str) -> str:
    """Resets failed sign-ins and the resulting locks."""
    passwords = sign_in.subjects_of(agent.email, address)
    codes = second_step.subjects_of(agent.id, address)
    every = {**passwords, **codes}
    wanted = [subject for name, subject in every.items() if address or "address" not in name]
    await forget_failures(session, *wanted)
    await _record(session, "agent.unlocked", agent)
    more = "" if address else " Locks of a network stay; name its address with --address to end them too."
    return f"The account is unlocked.{more}"


ACTIONS: dict[str, Action] = {
    "show": show,
    "reset-password": reset_password,
    "reset-second-factor": reset_second_factor,
    "unlock": unlock,
}


def run_account() -> None:
    """`account ACTION EMAIL [--address ADDRESS]`; exits with 1 where there is no such agent."""
    parser = argparse.ArgumentParser(prog="account", description="Help an agent who cannot sign in.")
    parser.add_argument("action", choices=sorted(ACTIONS))
    parser.add_argument("email")
    parser.add_argument("--address", default="", help="the network address that is locked")
    asked = parser.parse_args(sys.argv[2:])
    said = asyncio.run(act_on(AssignmentSettings(), ACTIONS[asked.action], asked.email, asked.address))
    if said is None:
        sys.stderr.write("There is no agent with this e-mail address.\n")
        sys.exit(1)
    sys.stdout.write(f"{said}\n")


async def act_on(settings: AssignmentSettings, action: Action, email: str, address: str) -> str | None:
    """Runs an action in one transaction; None where there is no such agent."""
    database = Database.connect(settings)
    try:
        async with database.begin() as session:
            agent = await session.scalar(
                select(Agent).where(func.lower(Agent.email) == address_key(email)).with_for_update(key_share=True)
            )
            return await action(session, settings, agent, address) if agent else None
    finally:
        await database.dispose()


async def _record(session: Session, action: str, agent: Agent) -> None:
    await record_access(session, action, agent, actor_name=f"Operator {getpass.getuser()}", address="command line")


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
