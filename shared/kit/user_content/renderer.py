"""Renders foreign bodies beside the service, each once, and says which ones cannot be digested."""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Iterable

from markupsafe import Markup, escape

from shared.contracts.vocabulary import BodyFormat
from shared.kit.telemetry import log
from shared.kit.user_content.limits import MAX_RENDERED, MAX_RENDERED_TAGS, complaint, is_light, stripped
from shared.kit.user_content.rendering import VERSION, Rendered, placed, rendered
from shared.kit.worker_pool import Busy, Died, WorkerPool

PROCESSES = 1
PATIENCE_SECONDS = 10.0
WALL_SECONDS = 20.0
"""A process that has used less than its processor time by then hangs, or the machine is overloaded."""
KEPT_CHARACTERS = 8 * 1024 * 1024
TRIES = 2
"""A body at which this many processes died is indigestible."""
TOO_SLOW = "takes too long to be shown; send it with fewer tags and special characters, or as body_format text"
TOO_MUCH = "becomes too large when it is shown; send it with fewer tags, or as body_format text"
REMARK = "This message is too complex to be shown as it was written; here is its text."


class Indigestible(Exception):
    """The body cannot be rendered; the words are for whoever sent it."""


class BodyRenderer:
    """Small bodies are rendered at once, others in a process that may die; results are kept in memory."""

    def __init__(self, processes: int = PROCESSES) -> None:
        self._pool = WorkerPool("shared.kit.user_content.render_worker", processes, WALL_SECONDS, PATIENCE_SECONDS)
        self._kept: OrderedDict[bytes, Rendered | Indigestible] = OrderedDict()
        self._characters = 0

    async def check(self, body: str, body_format: BodyFormat) -> None:
        """Raises Indigestible for a body nobody could show, and Busy while too many wait to be tried."""
        if not is_light(body, body_format):
            await self.render(body, body_format)

    async def show(self, body: str, body_format: BodyFormat) -> Rendered:
        """The body in both forms; an indigestible one as its bare text, which takes linear time."""
        try:
            return await self.render(body, body_format)
        except (Indigestible, Busy):
            return plain(body, body_format)

    async def render(self, body: str, body_format: BodyFormat) -> Rendered:
        """The body in both forms. Raises Indigestible, and Busy."""
        if is_light(body, body_format):
            return rendered(body, body_format)
        if body_format is BodyFormat.HTML and (wrong := complaint(body)):
            raise Indigestible(wrong)
        key = hashlib.sha256(f"{VERSION}:{body_format}:{body}".encode()).digest()
        if (known := self._kept.get(key)) is None:
            known = await self._tried(body, body_format)
            self._keep(key, known)
        else:
            self._kept.move_to_end(key)
        if isinstance(known, Indigestible):
            raise Indigestible(str(known))
        return known

    async def prose(self, texts: Iterable[str]) -> dict[str, Markup]:
        """Administrators' Markdown as safe HTML, each by itself."""
        return {text: placed((await self.show(text, BodyFormat.MARKDOWN)).html, {}) for text in texts}

    async def close(self) -> None:
        """Ends the processes."""
        await self._pool.close()

    async def _tried(self, body: str, body_format: BodyFormat) -> Rendered | Indigestible:
        for _ in range(TRIES):
            try:
                answer = await self._pool.ask(body_format.encode(), body.encode())
            except Died as death:
                log.warning("foreign.indigestible", size=len(body), format=body_format, reason=str(death))
                if death.is_out_of_time:
                    break
            else:
                found = Rendered(*json.loads(answer))
                is_too_much = len(found.html) > MAX_RENDERED or found.html.count("<") > MAX_RENDERED_TAGS
                return Indigestible(TOO_MUCH) if is_too_much else found
        return Indigestible(TOO_SLOW)

    def _keep(self, key: bytes, found: Rendered | Indigestible) -> None:
        if key in self._kept:
            return
        self._kept[key] = found
        self._characters += _weight(found)
        while self._characters > KEPT_CHARACTERS:
            _, oldest = self._kept.popitem(last=False)
            self._characters -= _weight(oldest)


def at_once(body: str, body_format: BodyFormat) -> Rendered:
    """The body in both forms if it is small, else its bare text: for callers who cannot wait."""
    return rendered(body, body_format) if is_light(body, body_format) else plain(body, body_format)


def plain(body: str, body_format: BodyFormat) -> Rendered:
    """The bare text of a body that cannot be rendered, with a remark that says so."""
    text = stripped(body) if body_format is BodyFormat.HTML else body
    return Rendered(f'<p><em>{REMARK}</em></p>\n<p class="plain">{escape(text)}</p>', text)


def _weight(found: Rendered | Indigestible) -> int:
    return 256 + (len(found.html) + len(found.text) if isinstance(found, Rendered) else 0)
