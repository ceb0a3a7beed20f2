"""Preferences: how an agent wants to be told, and how much a requester wants to hear."""

from typing import Annotated

from fastapi import Query, Response
from pydantic import BaseModel, ConfigDict

from services.notification.api.recipients import TheAgent
from services.notification.deps import By, State
from services.notification.recipient_addresses import Wanted, clear_bounce, set_wanted, standings_of
from services.notification.recipients.preferences import NotificationChoices, load_settings, save_settings
from shared.contracts.described_models import DescribedModel
from shared.kit.http.etags import IfMatch, etag_of, revision_of
from shared.kit.http.inputs import Email, Flag, Input
from shared.kit.http.routers import HttpRouter

router = HttpRouter(prefix="/preferences", tags=["preferences"])

OfAddress = Annotated[Email, Query(description="The address")]


class AgentPreferencesView(BaseModel):
    """An agent's preferences."""

    version: int
    settings: NotificationChoices


class AddressPreferencesView(DescribedModel):
    """What is known of an address."""

    wanted: Wanted
    """`all`, `replies` of agents only, or `none`: links that the person asks for are sent all the same."""
    is_bouncing: bool
    """Whether mail to it came back; nothing is sent until that is cleared."""


class AddressPreferencesInput(Input):
    """How much the owner of the address wants to hear."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"wanted": "replies"}]})

    wanted: Wanted
    clear_bounce: Flag = False


@router.get("")
async def read_agent(state: State, agent_id: TheAgent, response: Response) -> AgentPreferencesView:
    """Returns an agent's preferences; without any, the rules decide."""
    async with state.database.begin() as session:
        settings, version = await load_settings(session, agent_id)
    response.headers["ETag"] = etag_of(version)
    return AgentPreferencesView(version=version, settings=settings)


@router.put("")
async def replace_agent(
    state: State, by: By, agent_id: TheAgent, body: NotificationChoices, response: Response, if_match: IfMatch = None
) -> AgentPreferencesView:
    """Replaces an agent's preferences."""
    async with state.database.begin() as session:
        version = await save_settings(session, by, agent_id, body, revision_of(if_match))
    response.headers["ETag"] = etag_of(version)
    return AgentPreferencesView(version=version, settings=body)


@router.get("/addresses")
async def read_address(state: State, email: OfAddress) -> AddressPreferencesView:
    """Returns what is known of an address."""
    async with state.database.begin() as session:
        standing = (await standings_of(session, [email])).get(email)
    if standing is None:
        return AddressPreferencesView(wanted="all", is_bouncing=False)
    return AddressPreferencesView.model_validate(standing, from_attributes=True)


@router.put("/addresses")
async def replace_address(
    state: State, by: By, email: OfAddress, body: AddressPreferencesInput
) -> AddressPreferencesView:
    """Sets how much the owner of an address hears, which their own page then shows, and clears a bounce."""
    async with state.database.begin() as session:
        await set_wanted(session, by, email, body.wanted)
        if body.clear_bounce:
            await clear_bounce(session, by, email)
        standing = (await standings_of(session, [email]))[email]
    return AddressPreferencesView.model_validate(standing, from_attributes=True)
