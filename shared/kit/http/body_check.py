"""Written texts as a request brings them: refused with a problem if they could not be shown to anybody."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Request

from shared.contracts.vocabulary import BodyFormat
from shared.kit.http.problems import Problem, invalid
from shared.kit.user_content.renderer import BodyRenderer, UnrenderableBody, texts_in
from shared.kit.worker_pool import PoolBusy

WAIT = "too many large messages are being read; send the same request again"


async def check_body(renderer: BodyRenderer, body: str, body_format: BodyFormat, pointer: str = "/body") -> None:
    """Raises Problem 422 for a body nobody could show, and 503 while too many wait to be tried."""
    async with refusing(pointer):
        await renderer.check(body, body_format)


async def redact_sent(request: Request, value: object) -> None:
    """Takes our personal links out of the long texts of a request, beside the process: its fields find them done.

    Raises Problem 422 for one that takes too long, and 503 while too many wait. Nothing is done for a request that
    names no caller, which is refused anyway.
    """
    renderer: BodyRenderer | None = getattr(request.app.state, "renderer", None)
    if renderer is not None and ("authorization" in request.headers or request.cookies):
        for name, content in value.items() if isinstance(value, dict) else [("", value)]:
            async with refusing(f"/{name}"):
                await renderer.redact_ahead(*texts_in(content))


@asynccontextmanager
async def refusing(pointer: str) -> AsyncIterator[None]:
    """Raises Problem 422 and 503 for what a renderer does not take."""
    try:
        yield
    except UnrenderableBody as error:
        raise invalid(pointer, str(error)) from None
    except PoolBusy as busy:
        raise Problem(503, "unavailable", WAIT, headers={"Retry-After": str(busy.retry_after)}) from None
