"""The catalogue of mails."""

from services.notification.delivery.templates import TEMPLATES
from services.notification.schemas import TemplateView
from shared.kit.http.paging import Page
from shared.kit.http.routers import HttpRouter

router = HttpRouter(prefix="/templates", tags=["templates"])


@router.get("")
async def list_all() -> Page[TemplateView]:
    """Lists every kind of mail with the event that causes it."""
    return Page(items=[TemplateView.of(template) for template in TEMPLATES.values()])
