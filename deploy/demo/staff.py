"""Everybody who takes part: the requester's client program, the signed-in agents, the mail room."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from deploy.demo.checks import DemoError
from deploy.demo.clients import AgentClient, Ledger, MailSink
from deploy.demo.clients.http import GIVE_UP_AFTER
from deploy.local.running_stack import RunningStack
from services.intake.client import IntakeClient, RetryPolicy

VIEW_ONLY = "View only"
ALL_ACCESS = "All access"


@dataclass(frozen=True, slots=True)
class DemoStaff:
    """The clients of one run; `ledger` and `mail` are None where the stack does not offer them."""

    intake: IntakeClient
    desks: tuple[AgentClient, ...]
    ledger: Ledger | None
    mail: MailSink | None
    _found: dict[tuple[str, str, str], AgentClient] = field(default_factory=dict, repr=False)

    def desk_of(self, agent_id: str | None) -> AgentClient:
        """The session of an agent named by the API. Raises DemoError for one whose log-in is unknown."""
        found = next((desk for desk in self.desks if desk.agent.id == agent_id), None)
        if found is None:
            raise DemoError(f"Agent {agent_id} has no log-in in stack.json, so nobody can play their part.")
        return found

    def one_with(self, role: str) -> AgentClient:
        """The first agent of a role. Raises DemoError if there is none."""
        found = next((desk for desk in self.desks if desk.agent.role == role), None)
        if found is None:
            raise DemoError(f"stack.json names no agent with the role {role!r}, which the demonstration needs.")
        return found

    @property
    def overseer(self) -> AgentClient:
        """Somebody who sees every ticket and every report."""
        return self.one_with(ALL_ACCESS)

    async def one_who_may(self, permission: str, ticket: Mapping[str, Any]) -> AgentClient:
        """The assignee if their role allows it, else the first colleague whose role does."""
        asked = (permission, str(ticket["team_id"]), str(ticket["assignee_id"]))
        if asked not in self._found:
            self._found[asked] = await self._look_for(permission, ticket)
        return self._found[asked]

    async def _look_for(self, permission: str, ticket: Mapping[str, Any]) -> AgentClient:
        assignee = self.desk_of(ticket["assignee_id"])
        for desk in (assignee, *(desk for desk in self.desks if desk is not assignee)):
            seen = await desk.find_ticket(ticket["id"])
            if seen and permission in seen["permissions"]:
                return desk
        raise DemoError(f"No demo agent holds {permission} on ticket {ticket['number']}.")


@asynccontextmanager
async def sign_in_staff(stack: RunningStack, connections: int = 20) -> AsyncIterator[DemoStaff]:
    """Everybody signed in, for as long as the block lasts."""
    urls, secret, verify = stack.urls, stack.credentials, stack.trusts
    async with AsyncExitStack() as open_clients:
        key = secret.api_key.get_secret_value()
        intake = await open_clients.enter_async_context(
            IntakeClient(
                urls.intake, key, patience=RetryPolicy(total=GIVE_UP_AFTER), connections=connections, verify=verify
            )
        )
        desks = [
            await open_clients.enter_async_context(
                await AgentClient.sign_in(urls.assignment, login, connections, verify=verify)
            )
            for login in secret.agents
        ]
        ledger = mail = None
        if secret.operator_token:
            token = secret.operator_token.get_secret_value()
            ledger = await open_clients.enter_async_context(
                Ledger(urls.notification, token, connections, verify=verify)
            )
        if urls.mail:
            mail = await open_clients.enter_async_context(MailSink(urls.mail, connections=connections))
        yield DemoStaff(intake, tuple(desks), ledger, mail)
