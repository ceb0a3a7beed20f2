"""The JSON API: routes parse, call one command or query, and answer."""

import re

from fastapi import APIRouter, Depends

from services.assignment.api import (
    actions,
    activity,
    agent_access,
    agents,
    audit,
    calendars,
    canned_responses,
    composing,
    deactivation,
    group_roles,
    holidays,
    jobs,
    me,
    organisations,
    participants,
    policies,
    reports,
    roles,
    rollouts,
    routing,
    routing_trials,
    service_tokens,
    sessions,
    single_sign_on,
    stream,
    surroundings,
    teams,
    tickets,
    views,
)
from services.assignment.deps import refuse_unknown_parameters
from shared.kit.http.conventions import MAX_BODY

MAX_FILE = 5 * 1024**3 + MAX_BODY
"""What passes on to intake, which has a limit of its own."""
FILES = re.compile(r"/tickets/[^/]+/files")
IMPORTS = re.compile(r"/v1/calendars/[^/]+/import/?")


def build_router() -> APIRouter:
    """Every route under /v1."""
    router = APIRouter(prefix="/v1", dependencies=[Depends(refuse_unknown_parameters)])
    for part in (
        me,
        sessions,
        views,
        jobs,
        stream,
        tickets,
        actions,
        participants,
        surroundings,
        composing,
        agents,
        agent_access,
        deactivation,
        group_roles,
        teams,
        roles,
        policies,
        rollouts,
        calendars,
        holidays,
        routing_trials,
        routing,
        organisations,
        canned_responses,
        audit,
        reports,
        activity,
        service_tokens,
        single_sign_on,
    ):
        router.include_router(part.router)
    router.include_router(composing.files)
    return router


def body_limit(path: str) -> int:
    """How many bytes a request to this path may have."""
    if path.rstrip("/") == "/v1/attachments" or FILES.fullmatch(path):
        return MAX_FILE
    return holidays.MAX_UPLOAD if IMPORTS.fullmatch(path) else MAX_BODY
