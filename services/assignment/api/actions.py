"""Changing tickets: every action of the lifecycle, replies, notes and tags."""

from typing import Annotated

from fastapi import Body, Response
from starlette.status import HTTP_201_CREATED

from services.assignment.commands.action_registry import do
from services.assignment.deps import State, TicketCall
from services.assignment.schemas import actions
from services.assignment.schemas.merging import MergeInput, SplitInput, SplitView
from services.assignment.schemas.tickets import ReplyView, TicketView
from shared.kit.http.routers import HttpRouter
from shared.kit.http.strict_json import StrictJsonRoute

router = HttpRouter(prefix="/tickets/{ticket}", tags=["actions"], route_class=StrictJsonRoute)

NOTHING = actions.ActionInput()
Comment = Annotated[actions.ActionInput, Body()]


@router.post("/claim", response_model=TicketView, summary="Take an unassigned ticket")
async def claim(context: State, call: TicketCall, body: Comment = NOTHING) -> Response:
    """Of two agents who claim at once, one gets it and the other is told so."""
    return await do(context, call, body)


@router.post("/assign", response_model=TicketView, summary="Give to an agent")
async def assign(context: State, call: TicketCall, body: actions.AssignInput) -> Response:
    """The agent must be active and work in the ticket's team, or everywhere."""
    return await do(context, call, body)


@router.post("/release", response_model=TicketView, summary="Give back to the team")
async def release(context: State, call: TicketCall, body: Comment = NOTHING) -> Response:
    """Nobody is assigned afterwards; the team stays."""
    return await do(context, call, body)


@router.post("/transfer", response_model=TicketView, summary="Hand to another team")
async def transfer(context: State, call: TicketCall, body: actions.TeamInput) -> Response:
    """Drops the assignee and leaves the clocks alone."""
    return await do(context, call, body)


@router.post("/triage", response_model=TicketView, summary="Route a new ticket by hand")
async def triage(context: State, call: TicketCall, body: actions.TeamInput) -> Response:
    """The rules choose the policy."""
    return await do(context, call, body)


@router.post("/prioritise", response_model=TicketView, summary="Change the priority")
async def prioritise(context: State, call: TicketCall, body: actions.PrioritiseInput) -> Response:
    """Swaps the clocks' targets and carries elapsed time."""
    return await do(context, call, body)


@router.post("/set-due", response_model=TicketView, summary="Fix the due instant")
async def set_due(context: State, call: TicketCall, body: actions.SetDueInput) -> Response:
    """By when the ticket must be resolved."""
    return await do(context, call, body)


@router.post("/change-policy", response_model=TicketView, summary="Apply another SLA policy")
async def change_policy(context: State, call: TicketCall, body: actions.ChangePolicyInput) -> Response:
    """Carries elapsed time; an earlier breach stands."""
    return await do(context, call, body)


@router.post("/pend", response_model=TicketView, summary="Wait for the requester")
async def pend(context: State, call: TicketCall, body: Comment = NOTHING) -> Response:
    """Their next message opens the ticket again."""
    return await do(context, call, body)


@router.post("/hold", response_model=TicketView, summary="Wait for a third party")
async def hold(context: State, call: TicketCall, body: actions.HoldInput) -> Response:
    """The reason is a kind; say more in `comment`."""
    return await do(context, call, body)


@router.post("/resume", response_model=TicketView, summary="Go on working")
async def resume(context: State, call: TicketCall, body: Comment = NOTHING) -> Response:
    """Ends waiting, and the pause of the clocks."""
    return await do(context, call, body)


@router.post("/resolve", response_model=TicketView, summary="Declare it settled")
async def resolve(context: State, call: TicketCall, body: Comment = NOTHING) -> Response:
    """Closes by itself later unless the requester writes again. Refused while a blocking task is not done."""
    return await do(context, call, body)


@router.post("/reopen", response_model=TicketView, summary="Take it up again")
async def reopen(context: State, call: TicketCall, body: Comment = NOTHING) -> Response:
    """Possible until the reopen window has passed."""
    return await do(context, call, body)


@router.post("/close", response_model=TicketView, summary="End it")
async def close(context: State, call: TicketCall, body: actions.CloseInput) -> Response:
    """`spam` and `duplicate` cancel the clocks."""
    return await do(context, call, body)


@router.post("/merge", response_model=TicketView, summary="Make it part of another ticket")
async def merge(context: State, call: TicketCall, body: MergeInput) -> Response:
    """Closes it as a duplicate. What was and will be written on it stands in the other's line of time, whose clocks
    take the earliest start of both. `/unmerge` undoes it.
    """
    return await do(context, call, body)


@router.post("/unmerge", response_model=TicketView, summary="Undo a merge")
async def unmerge(context: State, call: TicketCall, body: Comment = NOTHING) -> Response:
    """Both tickets stand, and their clocks run, as if there had been none."""
    return await do(context, call, body)


@router.post("/split", response_model=SplitView, status_code=HTTP_201_CREATED, summary="Split a message off")
async def split(context: State, call: TicketCall, body: SplitInput) -> Response:
    """The message moves to a new ticket of its writer, which starts when it was received; the two are linked."""
    return await do(context, call, body)


@router.post("/replies", response_model=ReplyView, status_code=HTTP_201_CREATED, summary="Reply to the requester")
async def reply(context: State, call: TicketCall, body: actions.MessageInput) -> Response:
    """Durable before anything else happens; `pending` says if the clocks will hear of it later."""
    return await do(context, call, body)


@router.post("/notes", response_model=ReplyView, status_code=HTTP_201_CREATED, summary="Write a note among agents")
async def note(context: State, call: TicketCall, body: actions.MessageInput) -> Response:
    """Never shown to the requester; stops no clock."""
    return await do(context, call, body)


@router.post("/tags", response_model=TicketView, summary="Put tags on and take them off")
async def tags(context: State, call: TicketCall, body: actions.TagsInput) -> Response:
    """Tags live here alone; the lifecycle never hears of them."""
    return await do(context, call, body)
