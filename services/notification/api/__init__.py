"""The operators' API; every route requires the operator's token, and some take a program's event token as well."""

from fastapi import APIRouter

from services.notification.api import (
    audit,
    csat,
    dead_letters,
    deliveries,
    event_tokens,
    events,
    inbox,
    outgoing_mail,
    preferences,
    rules,
    targets,
    template_editing,
    templates,
    webhooks,
)
from services.notification.deps import FEED_READER, OPERATOR, WEBHOOK_KEEPER


def router() -> APIRouter:
    """Returns the router of every route under `/v1`."""
    routes = APIRouter(prefix="/v1", dependencies=[OPERATOR])
    settled = (templates, template_editing, outgoing_mail, audit, event_tokens)
    configuration = (*settled, rules, preferences, targets, csat)
    for part in (deliveries, inbox, dead_letters, *configuration):
        routes.include_router(part.router)
    programs = APIRouter(prefix="/v1")
    programs.include_router(webhooks.router, dependencies=[WEBHOOK_KEEPER])
    programs.include_router(events.router, dependencies=[FEED_READER])
    both = APIRouter()
    both.include_router(routes)
    both.include_router(programs)
    return both
