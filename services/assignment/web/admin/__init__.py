"""The administration pages: people, rights, SLA rules and routing, on the same commands as the API."""

from fastapi import APIRouter

from services.assignment.web.admin import (
    agents,
    audit,
    calendars,
    policies,
    roles,
    routing,
    service_tokens,
    start,
    teams,
)

router = APIRouter()
for section in (start, agents, teams, roles, policies, calendars, routing, service_tokens, audit):
    router.include_router(section.router)
