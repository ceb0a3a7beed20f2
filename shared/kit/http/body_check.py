"""A written body as a request brings it: refused with a problem if it could not be shown to anybody."""

from shared.contracts.vocabulary import BodyFormat
from shared.kit.http.problems import invalid, unavailable
from shared.kit.user_content.renderer import BodyRenderer, Indigestible
from shared.kit.worker_pool import Busy


async def check_body(renderer: BodyRenderer, body: str, body_format: BodyFormat, pointer: str = "/body") -> None:
    """Raises Problem 422 for a body nobody could show, and 503 while too many wait to be tried."""
    try:
        await renderer.check(body, body_format)
    except Indigestible as error:
        raise invalid(pointer, str(error)) from None
    except Busy:
        raise unavailable("too many large messages are being read; send the same request again", 5) from None
