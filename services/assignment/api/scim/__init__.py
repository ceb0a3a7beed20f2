"""SCIM 2.0 routes at /scim/v2, with SCIM's own media type, errors and conventions."""

from services.assignment.api.scim import discovery, groups, root, users
from shared.kit.http.routers import HttpRouter

router = HttpRouter(prefix="/scim/v2", include_in_schema=False)
for part in (discovery, users, groups, root):
    router.include_router(part.router)
