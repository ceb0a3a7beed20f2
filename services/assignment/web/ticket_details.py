"""Routes beside the conversation: presence, followers, links, ticket details, print view."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import Path, Request, Response
from pydantic import ValidationError

from services.assignment.app_state import AppState
from services.assignment.commands.conversation.followers import follow, unfollow
from services.assignment.commands.conversation.presence import tell_presence
from services.assignment.commands.tickets.links import link_tickets, unlink_tickets
from services.assignment.commands.tickets.ticket_details import edit_ticket
from services.assignment.deps import State
from services.assignment.intake_client import IntakeAway
from services.assignment.models import Topic
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.administration.configuration import list_active_topics
from services.assignment.queries.ticket_page.conversation import list_entries
from services.assignment.queries.ticket_page.merged_tickets import get_sources
from services.assignment.queries.ticket_page.tickets import get_ticket, get_view
from services.assignment.renderings import rendered_bodies
from services.assignment.schemas.composing import LinkInput, PresenceInput
from services.assignment.schemas.editing import TicketPatch
from services.assignment.web.forms import errors_of, revision_in
from services.assignment.web.page_base import DeskAgent, DeskPageRoute, Notice, TheDesk
from services.assignment.web.refusal_texts import refusal_text
from services.assignment.web.ticket import PageState, UnsentForm, ticket_page
from services.assignment.web.ticket_actions import bare_call, onwards
from services.assignment.web.ticket_writing import checked_form
from shared.contracts.vocabulary import Permission
from shared.domain.errors import Refusal, VersionConflict
from shared.kit.clock import utc_now
from shared.kit.http.error_handlers import from_exception
from shared.kit.http.problems import Problem, not_found
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext

router = HttpRouter(route_class=DeskPageRoute)
PRINTED = 500
"""Entries on the print view: the whole of all but the longest tickets."""
FollowDecision = Annotated[str, Path(pattern="^(start|stop)$")]
LinkDecision = Annotated[str, Path(pattern="^(add|remove)$")]


@router.post("/tickets/{number}/presence")
async def post_presence(request: Request, context: State, caller: DeskAgent, number: str) -> Response:
    """Reports that the agent views or writes on the ticket, and returns who else does."""
    values = await checked_form(request)
    what = PresenceInput(is_typing=values.get("typing") == "1", is_gone=values.get("gone") == "1")
    view = await tell_presence(context, caller, number, what)
    return Response(view.model_dump_json(), media_type="application/json")


@router.post("/tickets/{number}/following/{following}")
async def post_following(
    request: Request, desk: TheDesk, context: State, caller: DeskAgent, number: str, following: FollowDecision
) -> Response:
    """Makes the caller follow or unfollow the ticket."""
    await checked_form(request)
    if following == "stop":
        await unfollow(context, caller, number, caller.agent_id)
        return await onwards(
            desk, context, caller, number, ("success", gettext("You do not follow this ticket any more."))
        )
    await follow(context, bare_call(caller, number, "followers"), None)
    return await onwards(desk, context, caller, number, ("success", gettext("You follow this ticket.")))


@router.post("/tickets/{number}/links/{linking}")
async def post_link(
    request: Request, desk: TheDesk, context: State, caller: DeskAgent, number: str, linking: LinkDecision
) -> Response:
    """Adds or removes a link to another ticket."""
    values = await checked_form(request)
    async with context.database.begin() as session:
        (await get_ticket(session, caller, number)).require(Permission.TICKET_EDIT)
    try:
        if linking == "add":
            link = LinkInput.model_validate({"ticket": values.get("ticket", ""), "kind": values.get("kind", "related")})
            await link_tickets(context, caller, number, link)
            notice: Notice = ("success", gettext("Linked."))
        else:
            await unlink_tickets(context, caller, number, _id_in(values))
            notice = ("success", gettext("The link is removed."))
    except ValidationError as error:
        return await _refused(request, desk, context, caller, number, UnsentForm("links", values, errors_of(error)))
    except Problem as problem:
        if problem.status != 422:
            raise
        draft = UnsentForm("links", values, (("ticket", f"This {problem.detail}."),))
        return await _refused(request, desk, context, caller, number, draft)
    return await onwards(desk, context, caller, number, notice)


@router.get("/tickets/{number}/edit")
async def show_edit(request: Request, desk: TheDesk, context: State, caller: DeskAgent, number: str) -> Response:
    """The form for subject, topic, answers and requester."""
    return await _edit_page(request, desk, context, caller, number, UnsentForm())


@router.post("/tickets/{number}/edit")
async def post_edit(request: Request, desk: TheDesk, context: State, caller: DeskAgent, number: str) -> Response:
    """Saves the changes, or shows the form again with errors and input."""
    values = await checked_form(request)
    try:
        patch = TicketPatch.model_validate(_patch_in(values))
        await edit_ticket(context, caller, number, patch, revision_in(values))
    except ValidationError as error:
        return await _edit_page(
            request, desk, context, caller, number, UnsentForm("edit", values, errors_of(error)), 422
        )
    except VersionConflict as conflict:
        draft = UnsentForm(
            "edit", values | {"revision": ""}, (("form", refusal_text(from_exception(conflict).detail)),)
        )
        return await _edit_page(request, desk, context, caller, number, draft, 412)
    except (Refusal, Problem) as error:
        problem = from_exception(error)
        if problem.status in {403, 404}:
            raise
        draft = UnsentForm("edit", values, (("form", refusal_text(problem.detail)),))
        return await _edit_page(request, desk, context, caller, number, draft, problem.status)
    return await onwards(desk, context, caller, number, ("success", gettext("Changed.")))


@router.get("/tickets/{number}/print")
async def show_print(request: Request, desk: TheDesk, context: State, caller: DeskAgent, number: str) -> Response:
    """A printable page with facts, messages and notes, oldest first."""
    async with context.database.begin() as session:
        ticket = await get_view(session, caller, number, utc_now())
        sources = await get_sources(session, ticket.id)
        page = await list_entries(session, context.file_links, ticket.id, PRINTED, None, sources=sources)
    bodies = await rendered_bodies(context, page.items)
    return desk.render(
        request,
        "ticket/print.html",
        caller,
        ticket=ticket,
        entries=page.items,
        bodies=bodies,
        is_cut=page.next_cursor is not None,
    )


async def _edit_page(
    request: Request,
    desk: TheDesk,
    context: AppState,
    caller: Caller,
    number: str,
    draft: UnsentForm,
    status: int = 200,
) -> Response:
    async with context.database.begin() as session:
        ticket = await get_view(session, caller, number, utc_now())
        topics = await list_active_topics(session)
    if Permission.TICKET_EDIT not in ticket.permissions:
        raise Problem(403, "not_permitted", f"your role does not allow {Permission.TICKET_EDIT.value} here")
    asked = _asked(topics, ticket.topic_id)
    return desk.render(
        request,
        "ticket/edit.html",
        caller,
        status,
        ticket=ticket,
        topics=[(topic.slug, topic.name) for topic in topics],
        asked=asked,
        choices=await _choices(context, caller, ticket.topic.slug, asked) if ticket.topic else {},
        answers={answer.name: answer.value for answer in ticket.fields},
        values=draft.values,
        errors=draft.errors,
    )


def _asked(topics: Sequence[Topic], topic_id: UUID | None) -> list[Any]:
    return next((topic.fields for topic in topics if topic.id == topic_id), [])


async def _choices(
    context: AppState, caller: Caller, topic: str, asked: Sequence[Mapping[str, Any]]
) -> dict[str, list[tuple[str, str]]]:
    """Key and label of each choice, by the name of its question; none while intake, which has them, does not answer."""
    if all(field["kind"] != "choice" for field in asked):
        return {}
    try:
        topics = await context.intake.list_topics(caller.agent_id)
    except IntakeAway:
        return {}
    form: list[dict[str, Any]] = next((one["form"] for one in topics if one["slug"] == topic), [])
    return {
        field["name"]: [(choice["key"], choice["label"]) for choice in field["choices"]]
        for field in form
        if field["kind"] == "choice"
    }


def _patch_in(values: dict[str, str]) -> dict[str, object]:
    """The changes that the form contains; an emptied answer is removed."""
    patch: dict[str, object] = {"subject": values.get("subject", "")}
    if values.get("topic"):
        patch["topic"] = values["topic"]
    if values.get("requester_email") or values.get("requester_name"):
        patch["requester"] = {
            "email": values.get("requester_email", "").strip(),
            "name": values.get("requester_name", ""),
        }
    answers = {name.removeprefix("answer-"): value for name, value in values.items() if name.startswith("answer-")}
    if answers:
        patch["fields"] = {name: value or None for name, value in answers.items()}
    return patch


def _id_in(values: dict[str, str]) -> UUID:
    try:
        return UUID(values.get("other", ""))
    except ValueError:
        raise not_found("link") from None


async def _refused(
    request: Request, desk: TheDesk, context: AppState, caller: Caller, number: str, draft: UnsentForm
) -> Response:
    return await ticket_page(request, desk, context, caller, number, PageState(422, draft))
