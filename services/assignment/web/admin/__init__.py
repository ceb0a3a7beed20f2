"""The administration pages: people, rights, SLA rules and routing, on the same commands as the API."""

from fastapi import APIRouter

from services.assignment.web.admin import (
    agent_access,
    agents,
    audit,
    calendars,
    canned_responses,
    delivery_replay,
    event_tokens,
    holiday_feeds,
    holiday_files,
    installation,
    intake,
    mail_templates,
    notification,
    notification_rules,
    notification_targets,
    organisations,
    policies,
    roles,
    rollouts,
    routing,
    routing_trials,
    satisfaction,
    service_tokens,
    single_sign_on,
    start,
    teams,
    webhooks,
)

PARTS = (
    start,
    agents,
    agent_access,
    teams,
    roles,
    policies,
    rollouts,
    calendars,
    installation,
    organisations,
    routing_trials,
    holiday_feeds,
    holiday_files,
    routing,
    canned_responses,
    intake,
    single_sign_on,
    notification,
    notification_rules,
    notification_targets,
    delivery_replay,
    satisfaction,
    mail_templates,
    webhooks,
    event_tokens,
    service_tokens,
    audit,
)

router = APIRouter()
for section in PARTS:
    router.include_router(section.router)
