"""The JSON API: routes parse, call one command or query, and answer."""

import re

from fastapi import Depends, FastAPI

from services.assignment.api import (
    actions,
    activity,
    agent_access,
    agents,
    analysis_runs,
    audit,
    calendars,
    canned_responses,
    composing,
    deactivation,
    group_roles,
    held,
    holidays,
    incidents,
    installation,
    jobs,
    me,
    organisations,
    participants,
    policies,
    report_schedules,
    report_times,
    reports,
    requesters,
    roles,
    rollouts,
    routing,
    routing_trials,
    satisfaction,
    saved_reports,
    service_tokens,
    sessions,
    side_conversations,
    single_sign_on,
    stream,
    tasks,
    teams,
    ticket_details,
    tickets,
    views,
)
from services.assignment.deps import refuse_unknown_parameters
from shared.kit.http.conventions import MAX_BODY
from shared.kit.http.routers import HttpRouter

MAX_CALENDAR = 512 * 1024
"""Every ticket's workflow holds its calendar, and Temporal takes 2 MiB at once."""
MAX_FILE = 5 * 1024**3 + MAX_BODY
"""What passes on to intake, which has a limit of its own."""
FILES = re.compile(r"/tickets/[^/]+/files")
CALENDARS = ("/v1/calendars", "/admin/calendars")
IMPORTS = re.compile(r"/v1/calendars/[^/]+/import/?")


def include_routes(app: FastAPI) -> None:
    """Every route under /v1.

    What is asked most comes first, and no router lies in another: each is asked twice whether it has the route.
    """
    for part in (
        actions,
        tickets,
        me,
        sessions,
        views,
        jobs,
        stream,
        participants,
        ticket_details,
        side_conversations,
        tasks,
        incidents,
        installation,
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
        requesters,
        canned_responses,
        audit,
        reports,
        report_times,
        activity,
        held,
        analysis_runs,
        satisfaction,
        saved_reports,
        report_schedules,
        service_tokens,
        single_sign_on,
    ):
        _include(app, part.router)
    _include(app, composing.files)


def _include(app: FastAPI, router: HttpRouter) -> None:
    router.include_in(app, prefix="/v1", dependencies=[Depends(refuse_unknown_parameters)])


def body_limit(path: str) -> int:
    """How many bytes a request to this path may have."""
    if path.rstrip("/") == "/v1/attachments" or FILES.fullmatch(path):
        return MAX_FILE
    if IMPORTS.fullmatch(path):
        return holidays.MAX_UPLOAD
    return MAX_CALENDAR if path.startswith(CALENDARS) else MAX_BODY
