"""Applying a changed SLA policy to tickets that run already: look ahead, decide, follow, take back."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response
from starlette.status import HTTP_200_OK, HTTP_202_ACCEPTED

from services.assignment.commands.configuration.administration import create
from services.assignment.deps import KeyedCall, SlaAdmin, State, TakesNothing
from services.assignment.schemas.rollouts import (
    Preview,
    PreviewInput,
    RolloutInput,
    RolloutTicketState,
    RolloutTicketView,
    RolloutView,
)
from services.assignment.sla_analysis.rollout_commands import revert_rollout, start_rollout
from services.assignment.sla_analysis.rollout_preview import preview
from services.assignment.sla_analysis.rollout_queries import (
    get_rollout,
    get_rollout_view,
    list_rollout_tickets,
    list_rollouts,
)
from shared.kit.db import Session
from shared.kit.http.idempotent_commands import find_answer
from shared.kit.http.paging import Cursor, Limit, Page
from shared.kit.http.routers import HttpRouter
from shared.kit.http.strict_json import StrictJsonRoute

router = HttpRouter(prefix="/sla-policies/{policy_id}/rollouts", tags=["sla policies"], route_class=StrictJsonRoute)
States = Annotated[list[RolloutTicketState] | None, Query(description="Only tickets in one of these states")]


@router.post("/preview", response_model=Preview, summary="What would change for running tickets")
async def post_preview(
    context: State,
    _: SlaAdmin,
    call: KeyedCall,
    policy_id: UUID,
    body: PreviewInput,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Looks at every running ticket as its workflow would if it got the policy's newest version now. Changes nothing,
    tells nobody. Once the policy's calendar has changed, tickets with the policy's newest version are concerned too.
    """
    if (stored := await find_answer(context.database, call.request)) is not None:
        return stored
    found = await preview(context, policy_id, body, limit, cursor)

    async def known(_session: Session) -> Preview:
        return found

    return await create(context, call, known, HTTP_200_OK)


@router.post(
    "",
    response_model=RolloutView,
    status_code=HTTP_202_ACCEPTED,
    summary="Decide what the newest version means for running tickets",
)
async def post_rollout(context: State, _: SlaAdmin, call: KeyedCall, policy_id: UUID, body: RolloutInput) -> Response:
    """Every ticket concerned is written down with the decision and then told in the background; follow the roll-out
    until it is `done`. `grandfather` tells nobody: it records that running tickets keep what they were promised.
    """

    async def start(session: Session) -> RolloutView:
        return await start_rollout(context, session, policy_id, body, call.caller.person_id)

    return await create(context, call, start, HTTP_202_ACCEPTED)


@router.get("", summary="Every roll-out of one SLA policy")
async def get_rollouts(
    context: State, _: SlaAdmin, policy_id: UUID, limit: Limit = 50, cursor: Cursor = None
) -> Page[RolloutView]:
    """Newest first."""
    async with context.database.begin() as session:
        return await list_rollouts(session, policy_id, limit, cursor)


@router.get("/{rollout_id}", summary="One roll-out")
async def get_one(context: State, _: SlaAdmin, policy_id: UUID, rollout_id: UUID) -> RolloutView:
    """How far it has come."""
    async with context.database.begin() as session:
        return await get_rollout_view(session, policy_id, rollout_id)


@router.get("/{rollout_id}/tickets", summary="The tickets of one roll-out")
async def get_tickets(
    context: State,
    _: SlaAdmin,
    policy_id: UUID,
    rollout_id: UUID,
    state: States = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[RolloutTicketView]:
    """What has become of each, with the reason where one was refused."""
    async with context.database.begin() as session:
        rollout = await get_rollout(session, policy_id, rollout_id)
        return await list_rollout_tickets(session, rollout, state or (), limit, cursor)


@router.post(
    "/{rollout_id}/revert",
    response_model=RolloutView,
    status_code=HTTP_202_ACCEPTED,
    dependencies=[TakesNothing],
    summary="Take a roll-out back",
)
async def post_revert(context: State, _: SlaAdmin, call: KeyedCall, policy_id: UUID, rollout_id: UUID) -> Response:
    """Clocks stand again as if it had never been, to the microsecond. A ticket that cannot go back any more, being
    closed or having lived through too much, is named with its reason. A roll-out still under way stops at once.
    """

    async def revert(session: Session) -> RolloutView:
        return await revert_rollout(session, policy_id, rollout_id, call.caller.person_id)

    return await create(context, call, revert, HTTP_202_ACCEPTED)
