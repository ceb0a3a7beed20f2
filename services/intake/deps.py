"""FastAPI dependencies of intake's routes."""

from typing import Annotated, cast

from fastapi import Depends, Request

from services.intake.app_state import AppState


async def get_app_state(request: Request) -> AppState:
    """The application state that `app` built. Declared async, or FastAPI would run it in a thread."""
    return cast(AppState, request.app.state.app_state)


State = Annotated[AppState, Depends(get_app_state)]
