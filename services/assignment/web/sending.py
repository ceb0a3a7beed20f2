"""Handles submitted replies and notes: duplicate check, immediate send, or send with undo."""

from collections.abc import Mapping
from datetime import timedelta

from services.assignment.app_state import AppState
from services.assignment.commands.action_registry import do
from services.assignment.commands.conversation.drafts import DraftOwner, forget_draft
from services.assignment.commands.execution.command_request import CommandRequest
from services.assignment.commands.held_replies import hold_reply
from services.assignment.queries.ticket_page.held_replies import was_just_written
from services.assignment.queries.ticket_page.tickets import get_ticket
from services.assignment.schemas.actions import MessageInput
from services.assignment.schemas.composing import DraftKind, FollowingAction, HeldReplyInput
from services.assignment.web.page_base import Notice
from shared.kit.clock import utc_now
from shared.kit.i18n.messages import gettext

FOLLOWING: Mapping[str, FollowingAction] = {"resolve": "resolve", "pend": "pend"}
REPEATED_WITHIN = timedelta(minutes=2)
"""The same words again from the same agent within this time come from a form that was sent twice."""
REPEATED: Notice = ("info", gettext("You have just sent these very words; they are not sent again."))


async def send_written(
    context: AppState, call: CommandRequest, body: MessageInput, values: dict[str, str]
) -> Notice | None:
    """Sends a reply or note. A notice if there is nothing more to do; None if it went out at once.

    Raises Refusal, Problem and TicketsUnavailable as the commands do.
    """
    kind: DraftKind = "reply" if call.route == "replies" else "note"
    async with context.database.begin() as session:
        ticket = (await get_ticket(session, call.caller, call.reference)).ticket
        since = utc_now() - REPEATED_WITHIN
        if await was_just_written(session, call.caller.agent_id, ticket.id, body.body, since):
            await forget_draft(session, DraftOwner(call.caller.agent_id, ticket.id), kind)
            return REPEATED
    seconds = undo_seconds(context, call) if kind == "reply" and values.get("undo") else 0
    if seconds:
        return await _hold(context, call, body, values, seconds)
    await do(context, call, body)
    async with context.database.begin() as session:
        await forget_draft(session, DraftOwner(call.caller.agent_id, ticket.id), kind)
    return None


def undo_seconds(context: AppState, call: CommandRequest) -> int:
    """How long the agent can take a reply back."""
    chosen = call.caller.preferences.undo_seconds
    return context.settings.undo_seconds if chosen is None else chosen


async def _hold(
    context: AppState, call: CommandRequest, body: MessageInput, values: dict[str, str], seconds: int
) -> Notice:
    then = FOLLOWING.get(values.get("then", ""), "")
    held = HeldReplyInput.model_construct(**dict(body), then=then)
    outcome = await hold_reply(context, call, held, seconds)
    if outcome.is_sent:
        return REPEATED
    return "success", gettext(
        "Your reply goes out in %(seconds)s seconds. Until then it can be taken back.", seconds=seconds
    )
