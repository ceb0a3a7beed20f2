"""The operators' API; every route requires the operator's token, and some take a program's event token as well."""

from fastapi import FastAPI

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


def include_routes(app: FastAPI) -> None:
    """Every route under `/v1`."""
    settled = (templates, template_editing, outgoing_mail, audit, event_tokens)
    configuration = (*settled, rules, preferences, targets, csat)
    for part in (deliveries, inbox, dead_letters, *configuration):
        part.router.include_in(app, prefix="/v1", dependencies=[OPERATOR])
    webhooks.router.include_in(app, prefix="/v1", dependencies=[WEBHOOK_KEEPER])
    events.router.include_in(app, prefix="/v1", dependencies=[FEED_READER])
