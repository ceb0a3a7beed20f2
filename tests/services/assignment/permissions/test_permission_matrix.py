"""Every route as docs/permissions.md declares it: without a session, and with and without its permission."""

from collections.abc import Iterator

import pytest

from shared.contracts.vocabulary import Permission
from tests.services.assignment.desk import Desk
from tests.services.assignment.permissions.permission_table import EACH, ON_TICKET, ROUTES, call
from tests.services.assignment.permissions.test_permissions import make

EVERY_ADMIN = [one.value for one in Permission if one.value.startswith("admin.")]


def served(desk: Desk) -> Iterator[str]:
    """Every route of the running application, those with a row per value spelled out."""
    for included in desk.app.routes:
        contexts = getattr(included, "effective_route_contexts", None)
        for one in contexts() if contexts else ():
            parameter = next((name for name in EACH if name in one.path), "")
            for value in EACH.get(parameter, [""]):
                path = one.path.replace(parameter, value) if parameter else one.path
                yield from (f"{method} {path}" for method in one.methods)


async def test_the_table_names_every_route_and_no_other(desk: Desk) -> None:
    assert sorted(f"{route.method} {route.path}" for route in ROUTES) == sorted(served(desk))


async def test_only_what_is_open_to_everybody_works_without_a_session(desk: Desk) -> None:
    ticket = await desk.some_ticket()
    for route in ROUTES:
        if route.needs == "nothing" or route.path in {"/sign-out"}:
            continue
        answer = await call(desk, None, route, ticket)
        if route.is_page:
            assert answer.status_code == 303, route
            assert answer.headers["location"].startswith("/?next="), route
        else:
            assert answer.status_code == 401, route


@pytest.mark.parametrize(
    "needs", sorted({route.needs for route in ROUTES if "." in route.needs and ON_TICKET not in route.needs})
)
async def test_a_permission_that_is_about_no_ticket_is_asked_for(desk: Desk, needs: str) -> None:
    ticket = await desk.some_ticket()
    wanted = EVERY_ADMIN if needs.startswith("any ") else [needs]
    every_other = [one.value for one in Permission if one.value not in wanted]
    allowed, others = await make(desk, "assigned", wanted), await make(desk, "all", every_other)
    for route in ROUTES:
        if route.needs == needs:
            refused = await call(desk, others, route, ticket)
            assert refused.status_code == 403, (route, refused.text[:200])
            answer = await call(desk, allowed, route, ticket)
            assert answer.status_code not in {401, 403, 500}, (route, answer.text[:200])
