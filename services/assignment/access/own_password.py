"""Changing one's own password: asks for the old one and ends every other session."""

from sqlalchemy import delete

from services.assignment.access.access_log import record_access
from services.assignment.access.sessions import SignedIn, SignInProof, Visit, end_sessions, open_session
from services.assignment.access.sign_in import PASSWORD, check_password
from services.assignment.app_state import AppState
from services.assignment.commands.people.passwords import hash_new_password
from services.assignment.errors import wrong_credentials
from services.assignment.models import AccountLink, Agent
from services.assignment.queries.access.callers import Caller


async def change_own_password(context: AppState, by: Caller, current: str, new: str, visit: Visit) -> SignedIn:
    """Sets the password, ends all sessions and opens a new one with the same proof.

    Raises Problem 401 for a wrong password, 422 for a new one that is easily guessed, 429 while locked out.
    """
    checked = await check_password(context, by.email, current, visit)
    if checked.id != by.agent_id:
        raise wrong_credentials()
    hashed = await hash_new_password(new, (checked.email, checked.name))
    async with context.database.begin() as session:
        agent = await session.get_one(Agent, by.agent_id, with_for_update={"key_share": True})
        if not agent.is_active or agent.password_hash != checked.password_hash:
            raise wrong_credentials()
        agent.password_hash = hashed
        await session.execute(delete(AccountLink).where(AccountLink.agent_id == by.agent_id))
        await end_sessions(session, by.agent_id)
        await record_access(session, "agent.password-changed", agent, by)
        proof = SignInProof(PASSWORD, by.second_factor)
        return await open_session(session, context.settings, by.agent_id, visit, proof)
