"""Everything that can be done to a ticket, by the last part of its URL: one table for the API and the desk."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from fastapi import Response

from services.assignment.app_state import AppState
from services.assignment.commands.conversation import messages
from services.assignment.commands.execution.command_request import Build, CommandRequest, act
from services.assignment.commands.tickets import lifecycle, merging, splitting
from services.assignment.schemas import actions
from services.assignment.schemas.merging import MergeInput, SplitInput
from shared.contracts.commands import Command, PendTicket, ReleaseTicket, ReopenTicket, ResumeTicket
from shared.contracts.vocabulary import Action
from shared.domain.permissions import ACTION_PERMISSIONS

Run = Callable[[AppState, CommandRequest, Any], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class ActionHandler:
    """What an action takes and how it is carried out."""

    body: type[actions.ActionInput]
    run: Run


def _by_workflow(action: Action, body: type[actions.ActionInput], build: Callable[[Any], Build]) -> ActionHandler:
    """An action of the lifecycle: its permission is the table's, its judge the ticket's workflow."""

    async def run(context: AppState, call: CommandRequest, given: Any) -> Response:
        return await act(context, call, ACTION_PERMISSIONS[action], build(given), given.comment)

    return ActionHandler(body, run)


def _plainly(action: Action, kind: type[Command]) -> ActionHandler:
    return _by_workflow(action, actions.ActionInput, lambda _: lifecycle.plain(kind))


ACTIONS: Mapping[str, ActionHandler] = MappingProxyType(
    {
        "claim": ActionHandler(actions.ActionInput, lifecycle.claim),
        "assign": _by_workflow(Action.ASSIGN, actions.AssignInput, lifecycle.assign),
        "release": _plainly(Action.RELEASE, ReleaseTicket),
        "transfer": _by_workflow(Action.TRANSFER, actions.TeamInput, lifecycle.transfer),
        "triage": _by_workflow(Action.TRIAGE, actions.TeamInput, lifecycle.triage),
        "prioritise": _by_workflow(Action.PRIORITISE, actions.PrioritiseInput, lifecycle.prioritise),
        "set-due": _by_workflow(Action.SET_DUE, actions.SetDueInput, lifecycle.set_due),
        "change-policy": _by_workflow(Action.CHANGE_POLICY, actions.ChangePolicyInput, lifecycle.change_policy),
        "pend": _plainly(Action.PEND, PendTicket),
        "hold": _by_workflow(Action.HOLD, actions.HoldInput, lifecycle.hold),
        "resume": _plainly(Action.RESUME, ResumeTicket),
        "resolve": _by_workflow(Action.RESOLVE, actions.ActionInput, lifecycle.resolve),
        "reopen": _plainly(Action.REOPEN, ReopenTicket),
        "close": _by_workflow(Action.CLOSE, actions.CloseInput, lifecycle.close),
        "merge": ActionHandler(MergeInput, merging.merge_ticket),
        "unmerge": ActionHandler(actions.ActionInput, merging.unmerge_ticket),
        "split": ActionHandler(SplitInput, splitting.split_ticket),
        "replies": ActionHandler(actions.MessageInput, messages.reply),
        "notes": ActionHandler(actions.MessageInput, messages.note),
        "tags": ActionHandler(actions.TagsInput, messages.change_tags),
    }
)


async def do(context: AppState, call: CommandRequest, body: actions.ActionInput) -> Response:
    """Carries out the action a call names. Raises Problem, Refusal, TicketsUnavailable."""
    return await ACTIONS[call.route].run(context, call, body)
