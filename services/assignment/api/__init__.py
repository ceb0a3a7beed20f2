"""The JSON API: routes parse, call one command or query, and answer."""

from fastapi import APIRouter, Depends

from services.assignment.api import actions, agents, calendars, me, policies, reports, roles, routing, teams, tickets
from services.assignment.deps import refuse_unknown_parameters


def build_router() -> APIRouter:
    """Every route under /v1."""
    router = APIRouter(prefix="/v1", dependencies=[Depends(refuse_unknown_parameters)])
    for part in (me, tickets, actions, agents, teams, roles, policies, calendars, routing, reports):
        router.include_router(part.router)
    return router
