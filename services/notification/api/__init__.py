"""The operators' API; every route requires the operator's token."""

from fastapi import APIRouter

from services.notification.api import audit, dead_letters, deliveries, outgoing_mail, templates, webhooks
from services.notification.deps import OPERATOR


def router() -> APIRouter:
    """Returns the router of every route under `/v1`."""
    routes = APIRouter(prefix="/v1", dependencies=[OPERATOR])
    for part in (deliveries, templates, dead_letters, outgoing_mail, webhooks, audit):
        routes.include_router(part.router)
    return routes
