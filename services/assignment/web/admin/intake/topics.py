"""Administration pages for topics: the ordered list, and the form builder."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Path, Request, Response
from markupsafe import Markup

from services.assignment.app_state import AppState
from services.assignment.deps import State
from services.assignment.queries.access.callers import Caller
from services.assignment.web.admin.intake.admin_client import ask, every
from services.assignment.web.admin.intake.topic_form import (
    CHOICES,
    KINDS,
    MOST_FIELDS,
    Row,
    edited,
    fields_of,
    name_from,
    place_of,
    rows_in,
    rows_of,
)
from services.assignment.web.admin.intake.topic_history import changes_of_topic, content_after
from services.assignment.web.admin.sections import IntakePageCaller
from services.assignment.web.admin.submitted_form import (
    AdminForm,
    FormRefused,
    FormView,
    SubmittedForm,
    check_unchanged,
    fresh_form,
    refusals,
    refused_form,
)
from services.assignment.web.page_base import DeskPageRoute, DeskPages, TheDesk
from shared.contracts.vocabulary import Priority
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext, translated_options
from shared.kit.i18n.vocabulary import priority_name

PATH = "/admin/topics"
router = HttpRouter(prefix=PATH, route_class=DeskPageRoute)
TopicId = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,64}$")]
PLAIN = ("slug", "name", "description", "priority", "thanks", "legacy_id")


@router.get("")
async def show_topics(request: Request, desk: TheDesk, context: State, caller: IntakePageCaller) -> Response:
    """Lists all topics in portal order."""
    topics = await every(context, caller, "/topics")
    return desk.render(request, "admin/topics.html", caller, topics=topics)


@router.get("/new")
async def show_new_topic(request: Request, desk: TheDesk, context: State, caller: IntakePageCaller) -> Response:
    """An empty form."""
    return await _page(request, desk, context, caller, None, fresh_form({"is_public": True}), [])


@router.post("/new")
async def post_topic(
    request: Request, desk: TheDesk, context: State, caller: IntakePageCaller, form: AdminForm
) -> Response:
    """Creates the topic, or shows the page again with the unsaved input."""
    if form.text("do") not in {"", "save"}:
        return await _rebuilt(request, desk, context, caller, None, form)
    try:
        async with refusals(place_of):
            key = form.keyed(caller, PATH).key
            made = (await ask(context, caller, "POST", "/topics", _content(form), key=key)).body
    except FormRefused as refused:
        view = refused_form(form, refused, form.typed)
        return await _page(request, desk, context, caller, None, view, rows_in(form))
    return desk.redirect(PATH, ("success", gettext("%(name)s was added as the last topic.", name=made["name"])))


@router.get("/{topic}")
async def show_topic(
    request: Request, desk: TheDesk, context: State, caller: IntakePageCaller, topic: TopicId
) -> Response:
    """One topic and its form. Raises Problem 404."""
    found = await _get(context, caller, topic)
    values = {name: found[name] if found[name] is not None else "" for name in PLAIN}
    view = fresh_form(values | {"is_public": found["is_public"], "version": found["version"]})
    return await _page(request, desk, context, caller, found, view, rows_of(found["form"]))


@router.post("/{topic}")
async def post_changes(
    request: Request, desk: TheDesk, context: State, caller: IntakePageCaller, topic: TopicId, form: AdminForm
) -> Response:
    """Saves the topic, or shows the page again with the unsaved input."""
    found = await _get(context, caller, topic)
    if form.text("do") not in {"", "save"}:
        return await _rebuilt(request, desk, context, caller, found, form)
    try:
        async with refusals(place_of):
            check_unchanged(form, found["version"])
            path, content = f"/topics/{found['id']}", _content(form)
            await ask(context, caller, "PUT", path, content, version=found["version"])
    except FormRefused as refused:
        view = refused_form(form, refused, form.typed)
        return await _page(request, desk, context, caller, found, view, rows_in(form))
    return desk.redirect(f"{PATH}/{found['id']}", ("success", gettext("%(name)s was saved.", name=form.text("name"))))


@router.post("/{topic}/move")
async def post_move(
    desk: TheDesk, context: State, caller: IntakePageCaller, topic: TopicId, form: AdminForm
) -> Response:
    """Swaps the topic with its neighbour in the order."""
    order = [one["id"] for one in await every(context, caller, "/topics")]
    if topic in order:
        at = order.index(topic)
        to = at - 1 if form.text("to") == "up" else at + 1
        if 0 <= to < len(order):
            order[at], order[to] = order[to], order[at]
            await ask(context, caller, "PUT", "/topic-order", {"topics": order})
    return desk.redirect(PATH, ("success", gettext("The order was changed.")))


@router.post("/{topic}/activity")
async def post_activity(
    desk: TheDesk, context: State, caller: IntakePageCaller, topic: TopicId, form: AdminForm
) -> Response:
    """Deactivates or reactivates the topic."""
    is_active = form.is_ticked("is_active")
    path = f"/topics/{topic}/{'reactivate' if is_active else 'deactivate'}"
    name = (await ask(context, caller, "POST", path)).body["name"]
    done = (
        gettext("%(name)s can be chosen again.", name=name)
        if is_active
        else gettext("%(name)s was taken off the list.", name=name)
    )
    return desk.redirect(PATH, ("success", done))


@router.post("/{topic}/restore")
async def post_restore(
    desk: TheDesk, context: State, caller: IntakePageCaller, topic: TopicId, form: AdminForm
) -> Response:
    """Restores the topic to its state after an earlier change. Raises Problem 404 for another topic's change."""
    found = await _get(context, caller, topic)
    content = await content_after(context, caller, found["id"], form.number("seq") or 0)
    await ask(context, caller, "PUT", f"/topics/{found['id']}", content, version=found["version"])
    return desk.redirect(f"{PATH}/{found['id']}", ("success", gettext("The topic is again as it was then.")))


async def _get(context: AppState, caller: Caller, topic: str) -> dict[str, Any]:
    found: dict[str, Any] = (await ask(context, caller, "GET", f"/topics/{topic}")).body
    return found


async def _rebuilt(
    request: Request,
    desk: DeskPages,
    context: AppState,
    caller: Caller,
    found: dict[str, Any] | None,
    form: SubmittedForm,
) -> Response:
    """Renders the page after a builder button, without saving."""
    rows = edited(rows_in(form), form.text("do"))
    view, preview = FormView(form.typed, form_id=form.text("form_id")), None
    if form.text("do") == "preview":
        try:
            async with refusals(place_of):
                asked = (await ask(context, caller, "POST", "/form-preview", {"form": fields_of(rows)})).body
                preview = Markup(asked["html"])  # noqa: S704 - intake's own page part, which escapes what it shows
        except FormRefused as refused:
            view = refused_form(form, refused, form.typed)
    return await _page(request, desk, context, caller, found, view, rows, preview)


async def _page(
    request: Request,
    desk: DeskPages,
    context: AppState,
    caller: Caller,
    found: dict[str, Any] | None,
    view: FormView,
    rows: Sequence[Row],
    preview: Markup | None = None,
) -> Response:
    names = [name_from(row.get("label", "")) if not row.get("name") else row["name"] for row in rows]
    causes = [(name, row.get("label") or name) for name, row in zip(names, rows, strict=True)]
    return desk.render(
        request,
        "admin/topic.html",
        caller,
        view.status,
        notices=view.notices,
        topic=found,
        view=view,
        rows=rows,
        causes=causes,
        kinds=translated_options(KINDS.items()),
        choice_kinds=CHOICES,
        is_full=len(rows) >= MOST_FIELDS,
        priorities=[(priority.value, priority_name(priority)) for priority in reversed(Priority)],
        preview=preview,
        history=await changes_of_topic(context, caller, found["id"]) if found else [],
    )


def _content(form: SubmittedForm) -> dict[str, Any]:
    content = {name: form.text(name) for name in ("slug", "name", "description")}
    return content | {
        "is_public": form.is_ticked("is_public"),
        "priority": form.optional("priority"),
        "thanks": form.raw("thanks").strip(),
        "legacy_id": form.number("legacy_id"),
        "form": fields_of(rows_in(form)),
    }
