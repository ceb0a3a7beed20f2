"""Files of the portal: sent by a page's script one by one, and given out by address."""

from fastapi import APIRouter, Request, Response

from services.intake.attachments.serving import find_attachment, serve
from services.intake.deps import Parts
from services.intake.web.route import PageRoute
from shared.kit.http.problems import not_found

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/files/{token}")
async def give(request: Request, token: str, parts: Parts) -> Response:
    """A file, for whoever has its address while that works; a forged one and an old one look the same."""
    link = parts.files.read(token)
    if link is None:
        raise not_found("file")
    attachment = await find_attachment(parts.database, link.attachment_id)
    return await serve(request, parts.storage, attachment, is_inline=link.is_inline)
