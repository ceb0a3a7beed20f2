"""Refuses programs where a resource belongs to an agent, such as a saved view (409 `not_a_person`)."""

import re

from fastapi import FastAPI, Request
from fastapi.responses import Response
from sqlalchemy.exc import DBAPIError, IntegrityError

from services.assignment.errors import people_only
from services.assignment.queries.access.programs import is_service_token
from shared.kit.http.problems import render

FOREIGN_KEY_VIOLATION = "23503"
_TO_AGENTS = re.compile(r'"fk_\w+_agents"')


def install_people_only(app: FastAPI) -> None:
    """Turns a program's id where only an agent's can stand into Problem 409; every other error stays what it is."""
    handle_others = app.exception_handlers[DBAPIError]

    async def handle(request: Request, error: Exception) -> Response:
        if isinstance(error, IntegrityError) and _is_program(request) and _is_about_agents(error):
            return render(request, people_only("have what is kept for each agent"))
        answer = handle_others(request, error)
        return answer if isinstance(answer, Response) else await answer

    app.add_exception_handler(IntegrityError, handle)


def _is_program(request: Request) -> bool:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and is_service_token(token.strip())


def _is_about_agents(error: IntegrityError) -> bool:
    is_foreign_key = getattr(error.orig, "sqlstate", None) == FOREIGN_KEY_VIOLATION
    return is_foreign_key and _TO_AGENTS.search(str(error.orig)) is not None
