"""What routes ask for: the context, the signed-in agent, a permission, a call to change a ticket."""

from dataclasses import replace
from typing import Annotated

from fastapi import Body, Depends, Header, Path, Request, Response
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query as QueryParameter
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from services.assignment.app_state import AppState
from services.assignment.commands.configuration.administration import Keyed
from services.assignment.commands.execution.command_request import CommandRequest
from services.assignment.errors import agents_only, not_permitted, not_signed_in, second_factor_enrolment_required
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.access.programs import find_program, is_service_token
from shared.contracts.vocabulary import Channel, Permission
from shared.domain.permissions import holds
from shared.kit.clock import utc_now
from shared.kit.http.app import body_of
from shared.kit.http.client_address import address_of, network_of
from shared.kit.http.etags import revision_of
from shared.kit.http.idempotency import IdempotencyKey, fingerprint
from shared.kit.http.inputs import Input
from shared.kit.http.problems import Problem
from shared.kit.http.rate_limits import RateLimiter

BEARER = HTTPBearer(auto_error=False, description="The access_token of POST /v1/sessions, or a service token")
MAX_TOKEN = 128

TicketReference = Annotated[str, Path(max_length=64, description="The ticket's id or number", examples=["100042"])]

CalendarSlug = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$", description="The calendar's slug")]
Version = Annotated[int, Path(ge=1, lt=2**31, description="A number from the list of versions", examples=[2])]


async def get_nothing(body: Annotated[Input, Body()] = Input()) -> Input:
    """The body of a POST that needs none: an empty object, or nothing at all."""
    return body


TakesNothing = Depends(get_nothing)


async def get_app_state(request: Request) -> AppState:
    """The context that `app` built; a coroutine, for what is not would be sent to a thread."""
    context: AppState = request.app.state.app_state
    return context


State = Annotated[AppState, Depends(get_app_state)]


async def get_caller(
    request: Request,
    response: Response,
    context: State,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)],
) -> Caller:
    """The agent or the program that the bearer token stands for.

    Raises Problem 401, 403 while a second factor is owed or for a program at the wrong address, and 429 above the
    caller's budget.
    """
    if credentials is None or len(credentials.credentials) > MAX_TOKEN:
        raise not_signed_in()
    address = address_of(request, context.settings.trusted_proxies)
    if is_service_token(credentials.credentials):
        return await _get_program(request, response, context, credentials.credentials, address)
    caller = await context.callers.find(credentials.credentials, Channel.API, utc_now())
    if caller is None:
        raise not_signed_in()
    if caller.needs_second_factor:
        raise second_factor_enrolment_required()
    limiter: RateLimiter = request.app.state.limiter
    await limiter.check(response, str(caller.agent_id))
    return replace(caller, address=address)


async def _get_program(request: Request, response: Response, context: AppState, token: str, address: str) -> Caller:
    """A token that works is let in whatever others at its address have sent; one that does not, meets a limit."""
    program = await find_program(context.database, token, address, utc_now())
    if program is None:
        refused: RateLimiter = request.app.state.refused_token_limiter
        await refused.check(response, network_of(address))
        raise not_signed_in()
    limiter: RateLimiter = request.app.state.program_limiter
    await limiter.check(response, str(program.agent_id))
    return program


async def find_bearer(request: Request, context: AppState, token: str) -> Caller | None:
    """Who a bearer token stands for now; None if it does not work any more."""
    if is_service_token(token):
        return await find_program(
            context.database, token, address_of(request, context.settings.trusted_proxies), utc_now()
        )
    caller = await context.callers.find(token, Channel.API, utc_now(), is_use=False)
    return None if caller is None or caller.needs_second_factor else caller


SignedIn = Annotated[Caller, Depends(get_caller)]


async def get_person(caller: SignedIn) -> Caller:
    """The agent who asks. Raises Problem 403 for a program."""
    if not caller.is_person:
        raise agents_only()
    return caller


SignedInPerson = Annotated[Caller, Depends(get_person)]


class Allowed:
    """A dependency that asks for a permission which is about no single ticket."""

    def __init__(self, permission: Permission) -> None:
        self.permission = permission

    async def __call__(self, caller: SignedIn) -> Caller:
        """Raises Problem 403 unless the caller holds the permission somewhere."""
        if not holds(caller.principal, self.permission):
            raise not_permitted(self.permission)
        return caller


AgentsAdmin = Annotated[Caller, Depends(Allowed(Permission.ADMIN_AGENTS))]
TeamsAdmin = Annotated[Caller, Depends(Allowed(Permission.ADMIN_TEAMS))]
SlaAdmin = Annotated[Caller, Depends(Allowed(Permission.ADMIN_SLA))]
RoutingAdmin = Annotated[Caller, Depends(Allowed(Permission.ADMIN_ROUTING))]
CannedAdmin = Annotated[Caller, Depends(Allowed(Permission.ADMIN_CANNED))]
ReportReader = Annotated[Caller, Depends(Allowed(Permission.REPORT_VIEW))]


async def get_call(
    request: Request,
    caller: SignedIn,
    ticket: TicketReference,
    key: IdempotencyKey = None,
    if_match: Annotated[str | None, Header(max_length=64, description="The ETag you saw; stale is refused")] = None,
) -> CommandRequest:
    """The request to change a ticket that this is."""
    return CommandRequest(
        caller=caller,
        reference=ticket,
        route=request.url.path.rstrip("/").rpartition("/")[2],
        key=key,
        expected_revision=revision_of(if_match),
        request_hash=fingerprint(await body_of(request)),
    )


TicketCall = Annotated[CommandRequest, Depends(get_call)]


async def refuse_unknown_parameters(request: Request) -> None:
    """A misspelt filter must not silently show everything. Raises Problem 422."""
    if not request.query_params:
        return
    route = request.scope.get("route")
    fields = get_flat_params(route.dependant) if isinstance(route, APIRoute) else []
    known = {field.alias for field in fields if isinstance(field.field_info, QueryParameter)}
    for name in request.query_params:
        if name in known:
            continue
        if name == "as_of":
            raise Problem(422, "not_supported", "this resource has no as_of; tickets, their lists and reports do")
        detail = f"there is no such parameter here; known: {', '.join(sorted(known)) or 'none'}"
        raise Problem(422, "invalid_input", detail, errors=[{"pointer": f"query:{name[:64]}", "detail": detail}])


async def get_keyed(request: Request, caller: SignedIn, key: IdempotencyKey = None) -> Keyed:
    """The request to make something that this is."""
    return Keyed(caller, request.url.path.rstrip("/"), key, fingerprint(await body_of(request)))


KeyedCall = Annotated[Keyed, Depends(get_keyed)]
