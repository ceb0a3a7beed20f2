"""The portal: pages for people who ask for help."""

from fastapi import APIRouter

from services.intake.web import home, status, submit, thread


def router() -> APIRouter:
    """Every page."""
    pages = APIRouter(include_in_schema=False)
    for part in (home, submit, status, thread):
        pages.include_router(part.router)
    return pages
