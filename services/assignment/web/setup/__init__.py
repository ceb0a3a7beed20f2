"""Pages of the set-up of an empty installation."""

from fastapi import APIRouter

from services.assignment.web.setup import steps, welcome

router = APIRouter()
for part in (welcome, steps):
    router.include_router(part.router)
