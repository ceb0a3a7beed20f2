"""Pages of an agent's own account: the second step of a sign-in, second factors, sessions and the password."""

from services.assignment.web.account import notifications, overview, passwords, second_factor, second_step
from shared.kit.http.routers import HttpRouter

router = HttpRouter()
for part in (second_step, passwords, overview, second_factor, notifications):
    router.include_router(part.router)
