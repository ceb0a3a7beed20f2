"""Pages of requesters: the list, one person, changes, bans and merges."""

from fastapi import APIRouter

from services.assignment.web.requesters import access, editing, lists, person

router = APIRouter()
for part in (lists, editing, access, person):
    router.include_router(part.router)
