"""Pages of requesters: the list, one person, changes, bans and merges."""

from fastapi import APIRouter

from services.assignment.web.requesters import access, editing, lists, merging, organisation, person

router = APIRouter()
for part in (lists, editing, access, merging, organisation, person):
    router.include_router(part.router)
