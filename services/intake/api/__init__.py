"""The JSON API for client programs."""

from fastapi import APIRouter

from services.intake.api import messages, status, tickets, topics


def router() -> APIRouter:
    """Every route under /v1."""
    v1 = APIRouter(prefix="/v1")
    for part in (tickets, messages, status, topics):
        v1.include_router(part.router)
    return v1
