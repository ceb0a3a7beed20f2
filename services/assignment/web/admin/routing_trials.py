"""Administration pages for simulation, and for import and export of routing rules."""

from typing import Annotated, Any

from fastapi import Query, Request, Response
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import select

from services.assignment.app_state import AppState
from services.assignment.commands.configuration.routing_trials import simulate
from services.assignment.commands.configuration.rule_documents import export_rules, import_rules
from services.assignment.deps import State
from services.assignment.models import Ticket, Topic
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.ticket_page.tickets import get_ticket
from services.assignment.schemas.rule_documents import ImportInput, ImportView, RuleDocument
from services.assignment.schemas.simulations import SimulationInput, SimulationView
from services.assignment.web.admin.audit_words import ACTIONS, field_name
from services.assignment.web.admin.routing import names_in_rules
from services.assignment.web.admin.rule_words import CHANGED
from services.assignment.web.admin.sections import RoutingPageCaller
from services.assignment.web.admin.simulated_sentence import simulated_sentence
from services.assignment.web.admin.submitted_form import (
    AdminForm,
    FormRefused,
    FormView,
    SubmittedForm,
    fresh_form,
    refusals,
    refuse_field,
    refused_form,
)
from services.assignment.web.decision_rules import rules_text
from services.assignment.web.page_base import DeskPageRoute, DeskPages, TheDesk
from services.assignment.web.refusal_texts import refusal_text
from shared.contracts.vocabulary import Channel, OutReason, Priority
from shared.kit.http.problems import Problem
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext
from shared.kit.i18n.vocabulary import capitalised, channel_name, out_reason_word, priority_name

RULES = "/admin/routing-rules"
router = HttpRouter(prefix=RULES, route_class=DeskPageRoute)
DOCUMENT: TypeAdapter[RuleDocument] = TypeAdapter(RuleDocument)


@router.get("/simulate")
async def show_simulation(
    request: Request,
    desk: TheDesk,
    context: State,
    caller: RoutingPageCaller,
    number: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """An empty form, or one for a ticket."""
    return await _simulation_page(request, desk, context, caller, fresh_form({"number": number}), None)


@router.post("/simulate")
async def post_simulation(
    request: Request, desk: TheDesk, context: State, caller: RoutingPageCaller, form: AdminForm
) -> Response:
    """The form again, with what would happen."""
    try:
        async with refusals(_simulation_field):
            asked = SimulationInput.model_validate(await _asked(context, caller, form))
            told = await simulate(context, caller, asked)
    except FormRefused as refused:
        return await _simulation_page(request, desk, context, caller, refused_form(form, refused, form.typed), None)
    except Problem:
        unknown = refuse_field("number", gettext("There is no such ticket that you may see"))
        return await _simulation_page(request, desk, context, caller, refused_form(form, unknown, form.typed), None)
    return await _simulation_page(request, desk, context, caller, FormView(form.typed), told)


@router.get("/document")
async def show_document(request: Request, desk: TheDesk, context: State, caller: RoutingPageCaller) -> Response:
    """All rules as text to be copied, and a field for others."""
    return await _document_page(request, desk, context, caller, fresh_form(), None)


@router.post("/document")
async def post_document(
    request: Request, desk: TheDesk, context: State, caller: RoutingPageCaller, form: AdminForm
) -> Response:
    """Shows the differences first; the same form with `apply` makes them."""
    try:
        async with refusals(lambda _: "document"):
            body = ImportInput(
                document=_document_in(form.raw("document")),
                apply=form.is_ticked("apply"),
                digest=form.optional("digest"),
            )
            told = await import_rules(context, caller, body)
    except FormRefused as refused:
        return await _document_page(request, desk, context, caller, refused_form(form, refused, form.typed), None)
    if told.applied:
        return desk.redirect(
            RULES, ("success", gettext("The rules were imported: %(count)s differ.", count=len(told.differences)))
        )
    return await _document_page(request, desk, context, caller, FormView(form.typed), told)


def _document_in(text: str) -> RuleDocument:
    try:
        return DOCUMENT.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = "/" + "/".join(map(str, first["loc"]))
        raise refuse_field(
            "document", f"{where}: {refusal_text(first['msg'].removeprefix('Value error, '))}"
        ) from error


async def _asked(context: AppState, caller: Caller, form: SubmittedForm) -> dict[str, Any]:
    """What the API would be sent. Raises Problem 404 for a ticket that the caller may not see."""
    base: dict[str, Any] = {"with_monitored": form.is_ticked("with_monitored")}
    match form.text("what"):
        case "ticket":
            async with context.database.begin() as session:
                found = await get_ticket(session, caller, form.text("number") or "-")
                ticket: Ticket = found.ticket
                return base | {"ticket_id": ticket.id}
        case "day":
            return base | {"day": form.optional("day"), "timezone": form.optional("timezone")}
    email = form.optional("requester")
    return base | {
        "ticket": {
            "subject": form.text("subject"),
            "body": form.raw("body"),
            "topic": form.optional("topic"),
            "priority": form.optional("priority"),
            "channel": form.text("channel") or Channel.PORTAL,
            "requester": {"email": email} if email else None,
        }
    }


def _simulation_field(place: tuple[Any, ...]) -> str:
    """The form's field for a place in the request."""
    if place[0] == "ticket":
        return str(place[1]) if len(place) > 1 else "subject"
    return str(place[0])


async def _simulation_page(
    request: Request, desk: DeskPages, context: AppState, caller: Caller, view: FormView, told: SimulationView | None
) -> Response:
    async with context.database.begin() as session:
        topics = (
            await session.execute(select(Topic.slug, Topic.name).where(Topic.is_active).order_by(Topic.name))
        ).all()
        names = await names_in_rules(session)
    return desk.render(
        request,
        "admin/rule_simulation.html",
        caller,
        view.status,
        notices=view.notices,
        view=view,
        told=told,
        sentence=simulated_sentence(told.decision) if told and told.decision else "",
        names=names,
        changed=CHANGED,
        reasons={one.value: out_reason_word(one) for one in OutReason},
        rules_text=rules_text,
        capitalised=capitalised,
        topics=[(row.slug, row.name) for row in topics],
        channels=[(one.value, channel_name(one)) for one in Channel],
        priorities=[(one.value, priority_name(one)) for one in reversed(Priority)],
    )


async def _document_page(
    request: Request, desk: DeskPages, context: AppState, caller: Caller, view: FormView, told: ImportView | None
) -> Response:
    async with context.database.begin() as session:
        document = await export_rules(session)
    text = document.model_dump_json(indent=2, exclude_defaults=True)
    return desk.render(
        request,
        "admin/rule_document.html",
        caller,
        view.status,
        notices=view.notices,
        view=view,
        told=told,
        actions=ACTIONS,
        field_name=field_name,
        exported=text,
    )
