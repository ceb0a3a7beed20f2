"""Pages of the set-up of an empty installation."""

from services.assignment.web.setup import steps, welcome
from shared.kit.http.routers import HttpRouter

router = HttpRouter()
for part in (welcome, steps):
    router.include_router(part.router)
