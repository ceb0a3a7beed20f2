"""Signing in and out, and who one is."""

from typing import Annotated

from fastapi import Query, Request, Response
from starlette.status import HTTP_201_CREATED, HTTP_204_NO_CONTENT

from services.assignment.access.request_origin import visit_of
from services.assignment.access.second_factors import find_factors
from services.assignment.access.second_step import SecondStep, finish_with_code
from services.assignment.access.service_tokens import get_service_token
from services.assignment.access.sessions import sign_out, sign_out_everywhere
from services.assignment.access.sign_in import sign_in
from services.assignment.commands.people.availability import set_availability
from services.assignment.deps import SignedIn, State
from services.assignment.errors import people_only, second_factor_required
from services.assignment.queries.people.offers import list_offers
from services.assignment.queries.people.people import get_agent_view
from services.assignment.schemas.people import AgentView, MeView, SessionView, SignInInput
from services.assignment.schemas.routing import AvailabilityInput
from shared.contracts.vocabulary import Channel
from shared.kit.http.routers import HttpRouter
from shared.kit.http.strict_json import StrictJsonRoute

router = HttpRouter(tags=["sessions"], route_class=StrictJsonRoute)


@router.post("/sessions", status_code=HTTP_201_CREATED, summary="Sign in")
async def create_session(request: Request, response: Response, context: State, body: SignInInput) -> SessionView:
    """Answers with a bearer token for twelve hours. Five failures in a row lock for 15 minutes, then for longer.

    An agent with a second factor sends its `code` too: 401 `second_factor_required` says so where it is missing. One
    whose role asks for a second factor and who has none gets 403 `second_factor_enrolment_required`.
    """
    visit = visit_of(request, context.settings, Channel.API)
    signed_in = await sign_in(context, body.email, body.password.get_secret_value(), visit)
    if isinstance(signed_in, SecondStep):
        if body.code is None:
            async with context.database.begin() as session:
                factors = await find_factors(session, signed_in.agent_id)
            raise second_factor_required(factors.methods)
        signed_in = await finish_with_code(context, signed_in.token, body.code.get_secret_value(), visit)
    async with context.database.begin() as session:
        agent = await get_agent_view(session, signed_in.agent_id)
    response.headers["Cache-Control"] = "no-store"
    return SessionView(access_token=signed_in.token, expires_at=signed_in.expires_at, agent=agent)


@router.delete("/sessions", status_code=HTTP_204_NO_CONTENT, summary="Sign out")
async def delete_session(
    context: State,
    caller: SignedIn,
    *,
    everywhere: Annotated[bool, Query(description="All sessions of yours")] = False,
    others: Annotated[bool, Query(description="All sessions of yours but this one")] = False,
) -> None:
    """Ends the session the token belongs to, or with `everywhere` or `others` more, the desk's among them."""
    if others:
        await sign_out_everywhere(context, caller.agent_id, but=caller.session_digest)
    elif everywhere:
        await sign_out_everywhere(context, caller.agent_id)
    else:
        await sign_out(context, caller.session_digest)


@router.get("/me", summary="Who am I")
async def get_me(context: State, caller: SignedIn) -> MeView:
    """The signed-in agent, their memberships and everything these grant; or the program, and what it may do."""
    granted = sorted({permission for grant in caller.principal.grants for permission in grant.permissions})
    if not caller.is_person:
        async with context.database.begin() as session:
            program = await get_service_token(session, caller.agent_id)
        return MeView(agent=None, program=program, memberships=[], permissions=granted)
    async with context.database.begin() as session:
        agent = await get_agent_view(session, caller.agent_id)
        offers = await list_offers(session, caller.agent_id)
    return MeView(agent=agent, memberships=agent.memberships, permissions=granted, offers=offers)


@router.put("/me/availability", summary="Say whether you take new tickets")
async def put_availability(context: State, caller: SignedIn, body: AvailabilityInput) -> AgentView:
    """`online` agents are given tickets; neither signing in nor signing out changes it."""
    if not caller.is_person:
        raise people_only("take tickets")
    return await set_availability(context, caller, body)
