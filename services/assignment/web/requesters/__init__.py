"""Pages of requesters: the list, one person, changes, bans and merges."""

from services.assignment.web.requesters import access, editing, lists, merging, organisation, person
from shared.kit.http.routers import HttpRouter

router = HttpRouter()
for part in (lists, editing, access, merging, organisation, person):
    router.include_router(part.router)
