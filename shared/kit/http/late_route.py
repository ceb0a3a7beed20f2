"""A route whose endpoint is not read before somebody asks for it: a service has hundreds, and reading is a start."""

import inspect
from collections.abc import Callable
from typing import Any

from fastapi.routing import APIRoute
from starlette.routing import get_name

SETTINGS = {
    name: parameter.default
    for name, parameter in inspect.signature(APIRoute).parameters.items()
    if parameter.default is not parameter.empty
}
"""Of FastAPI's routes, with what they are where nothing is said."""


class LateRoute(APIRoute):
    """A route that reads what its endpoint takes and gives when that is first asked for.

    FastAPI reads an endpoint when its route is declared, and again for each app that includes the route's router, when
    that app first looks for a path there; a request is answered by what was read then.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **settings: Any) -> None:
        """`settings` are those of FastAPI's routes."""
        self._late: dict[str, Any] | None = settings
        named = {"name": settings.get("name") or get_name(endpoint), "stream_item_type": None}
        vars(self).update(SETTINGS | settings | named, path=path, endpoint=endpoint)

    def __getattr__(self, name: str) -> Any:
        """What is not known yet, such as the fields of the body."""
        late = vars(self).get("_late")
        if late is None:
            raise AttributeError(f"a route has no {name!r}")
        super().__init__(self.path, self.endpoint, **late)
        self._late = None
        return getattr(self, name)
