"""The catalogue of mails."""

from fastapi import APIRouter

from services.notification.delivery.templates import TEMPLATES
from services.notification.schemas import TemplateView
from shared.kit.http.paging import Page

router = APIRouter(prefix="/templates", tags=["templates"])


@router.get("")
async def list_all() -> Page[TemplateView]:
    """Lists every kind of mail with the event that causes it."""
    return Page(items=[TemplateView.of(template) for template in TEMPLATES.values()])
