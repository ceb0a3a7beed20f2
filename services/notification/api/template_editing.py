"""Editing mail templates: checked before they are saved, previewed with a real ticket, versioned."""

from typing import Annotated

from fastapi import Depends, Path, Response

from services.notification.app_state import AppState
from services.notification.delivery.templates import TEMPLATES, TemplateName
from services.notification.deps import By, State
from services.notification.mail_templates.content import LISTS, TemplateContent, facts_of, variables_of
from services.notification.mail_templates.preview import preview
from services.notification.mail_templates.sandbox import FILTERS
from services.notification.mail_templates.schemas import (
    EditableTemplateView,
    TemplateContentInput,
    TemplatePreviewInput,
    TemplatePreviewView,
    TemplateVersionView,
)
from services.notification.mail_templates.validation import find_problems
from services.notification.mail_templates.versions import current_version, get_version, list_versions, save_version
from shared.kit.administrator_passes import Administrator
from shared.kit.http.etags import IfMatch, etag_of, revision_of
from shared.kit.http.paging import Page
from shared.kit.http.problems import Problem, not_found
from shared.kit.http.routers import HttpRouter

router = HttpRouter(prefix="/templates/{name}/{language}", tags=["templates"])
Place = tuple[TemplateName, str]


async def get_place(state: State, name: str, language: Annotated[str, Path(max_length=35)]) -> Place:
    """Returns the template and the language of a path. Raises Problem 404 for one that there is not."""
    if name not in TEMPLATES:
        raise not_found("template")
    if language not in state.settings.offered_languages:
        raise not_found("language")
    return TemplateName(name), language


At = Annotated[Place, Depends(get_place)]


@router.get("")
async def read_one(state: State, at: At, response: Response) -> EditableTemplateView:
    """Returns what is in force, and what an edit may use."""
    async with state.database.begin() as session:
        found = await current_version(session, *at)
    return _view(at, found, response)


@router.put("")
async def save_one(
    state: State, by: By, at: At, body: TemplateContentInput, response: Response, if_match: IfMatch = None
) -> EditableTemplateView:
    """Saves a new version, in force from the next mail. Refused with the lines that are wrong (422)."""
    _check(at, body.content)
    return _view(at, await _save(state, by, at, body.content, if_match), response)


@router.delete("")
async def reset_one(state: State, by: By, at: At, response: Response, if_match: IfMatch = None) -> EditableTemplateView:
    """Goes back to the shipped default, as a new version."""
    return _view(at, await _save(state, by, at, None, if_match), response)


@router.get("/versions")
async def list_all_versions(state: State, at: At) -> Page[TemplateVersionView]:
    """Lists the newest 100 versions, the one in force first."""
    async with state.database.begin() as session:
        return Page(items=await list_versions(session, *at))


@router.post("/versions/{version}/restore")
async def restore_version(
    state: State,
    by: By,
    at: At,
    version: Annotated[int, Path(ge=0, le=2_000_000_000)],
    response: Response,
    if_match: IfMatch = None,
) -> EditableTemplateView:
    """Saves an earlier version as the newest; 0 is the shipped default."""
    async with state.database.begin() as session:
        wanted = await get_version(session, *at, version)
    content = None if wanted.is_default else wanted.content
    if content is not None:
        _check(at, content)
    return _view(at, await _save(state, by, at, content, if_match), response)


@router.post("/preview")
async def show_preview(state: State, by: By, at: At, body: TemplatePreviewInput) -> TemplatePreviewView:
    """Returns a mail as it would be sent; saves and sends nothing."""
    _check(at, body.content)
    async with state.database.begin() as session:
        sender = state.settings, state.sender_name.text
        return await preview(session, sender, by, at, body.content, body.ticket_id)


def _check(at: Place, content: TemplateContent) -> None:
    """Raises Problem 422 with every finding."""
    found = find_problems(at[0], content)
    if found:
        errors = [{"pointer": f"/{one.part}", "detail": one.text} for one in found]
        raise Problem(422, "invalid_template", f"{found[0].part}, {found[0].text}", errors=errors)


async def _save(
    state: AppState, by: Administrator, at: Place, content: TemplateContent | None, if_match: str | None
) -> TemplateVersionView:
    async with state.database.begin() as session:
        saved = await save_version(session, by, at, content, revision_of(if_match))
    state.edited_templates.forget_age()
    return saved


def _view(at: Place, found: TemplateVersionView, response: Response) -> EditableTemplateView:
    name, language = at
    template = TEMPLATES[name]
    response.headers["ETag"] = etag_of(found.version)
    return EditableTemplateView(
        **found.model_dump(),
        name=name,
        language=language,
        event=template.event.type(),
        audience=template.audience,
        variables=variables_of(name),
        lists=[f"facts.{fact}" for fact in sorted(LISTS & facts_of(name))],
        filters=sorted(FILTERS),
    )
