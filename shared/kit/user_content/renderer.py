"""Takes links out of foreign texts and renders them beside the service, each once; says which are indigestible."""

import contextlib
import hashlib
import json
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

from markupsafe import Markup, escape

from shared.contracts.redaction import remember_redaction, takes_long
from shared.contracts.vocabulary import BodyFormat
from shared.kit.client_lanes import ClientLanes, LaneFull
from shared.kit.telemetry import log
from shared.kit.user_content.limits import (
    MAX_RENDERED,
    MAX_RENDERED_TAGS,
    MAX_TAGS,
    find_size_fault,
    is_light,
    stripped,
)
from shared.kit.user_content.render_worker import CPU_SECONDS, REDACT
from shared.kit.user_content.rendering import VERSION, Rendered, rendered, with_attachment_urls
from shared.kit.worker_pool import PoolBusy, WorkerDied, WorkerPool

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


class UnrenderableBody(Exception):
    """The body cannot be rendered; the words are for whoever sent it."""

    def __init__(self, wrong: str, text: str | None = None) -> None:
        super().__init__(wrong)
        self.text = text
        """What the body says, if that is known."""


class BodyRenderer:
    """Small bodies are rendered at once, others in a process that may die; results are kept in memory."""

    def __init__(self, processes: int = PROCESSES) -> None:
        self._pool = WorkerPool("shared.kit.user_content.render_worker", processes, WALL_SECONDS, PATIENCE_SECONDS)
        self._kept: OrderedDict[bytes, Rendered | UnrenderableBody] = OrderedDict()
        self._characters = 0
        self._lanes = ClientLanes()

    async def redact_ahead(self, *texts: str) -> None:
        """Takes our links out of long texts, so that `redacted` knows the answer. Raises UnrenderableBody and Busy."""
        for text in texts:
            if takes_long(text):
                clean = await self._asked(REDACT, text)
                if clean is None:
                    raise UnrenderableBody(TOO_SLOW)
                remember_redaction(text, clean)

    async def redact_if_possible(self, value: object) -> None:
        """The same for every text in a JSON value. What cannot be done ahead is left to whoever reads the text."""
        with contextlib.suppress(UnrenderableBody, PoolBusy, OSError):
            await self.redact_ahead(*texts_in(value))

    async def check(self, body: str, body_format: BodyFormat) -> None:
        """Raises UnrenderableBody for a body nobody could show, and Busy while too many wait to be tried."""
        if not is_light(body, body_format):
            await self.render(body, body_format)

    async def show(self, body: str, body_format: BodyFormat) -> Rendered:
        """The body in both forms; an indigestible one as its bare text, which takes linear time."""
        return (await self.show_for_now(body, body_format))[0]

    async def show_for_now(self, body: str, body_format: BodyFormat) -> tuple[Rendered, bool]:
        """The same, and whether it stays like that: not if only the time for it was missing."""
        try:
            return await self.render(body, body_format, is_refusable=False), True
        except UnrenderableBody as found:
            return plain(body, body_format, found.text), True
        except PoolBusy:
            return plain(body, body_format), False

    async def render(self, body: str, body_format: BodyFormat, *, is_refusable: bool = True) -> Rendered:
        """The body in both forms. Raises UnrenderableBody, and Busy; who only looks is not refused for their share."""
        if is_light(body, body_format):
            return rendered(body, body_format)
        if wrong := _find_size_fault(body, body_format):
            raise UnrenderableBody(wrong)
        key = hashlib.sha256(f"{VERSION}:{body_format}:{body}".encode()).digest()
        if (known := self._kept.get(key)) is None:
            known = await self._tried(body, body_format, is_refusable=is_refusable)
            self._keep(key, known)
        else:
            self._kept.move_to_end(key)
        if isinstance(known, UnrenderableBody):
            raise UnrenderableBody(str(known), known.text)
        return known

    async def prose(self, texts: Iterable[str]) -> dict[str, Markup]:
        """Administrators' Markdown as safe HTML, each by itself."""
        return {text: with_attachment_urls((await self.show(text, BodyFormat.MARKDOWN)).html, {}) for text in texts}

    async def close(self) -> None:
        """Ends the processes."""
        await self._pool.close()

    async def _tried(self, body: str, body_format: BodyFormat, *, is_refusable: bool) -> Rendered | UnrenderableBody:
        answer = await self._asked(body_format.encode(), body, is_refusable=is_refusable)
        if answer is None:
            return UnrenderableBody(TOO_SLOW)
        if "wrong" in answer:
            return UnrenderableBody(answer["wrong"], answer["text"])
        found = Rendered(answer["html"], answer["text"])
        is_too_much = len(found.html) > MAX_RENDERED or found.html.count("<") > MAX_RENDERED_TAGS
        return UnrenderableBody(TOO_MUCH, found.text) if is_too_much else found

    async def _asked(self, task: bytes, text: str, *, is_refusable: bool = True) -> Any:
        """What the process makes of a text; None if it died of it. Raises Busy."""
        for _ in range(TRIES):
            try:
                async with self._lanes.turn(longest=CPU_SECONDS, is_refusable=is_refusable):
                    return json.loads(await self._pool.submit(task, json.dumps(text).encode()))
            except LaneFull as crowded:
                raise PoolBusy(crowded.retry_after) from None
            except WorkerDied as death:
                log.warning("foreign.indigestible", size=len(text), task=task.decode(), reason=str(death))
                if death.is_out_of_time:
                    break
        return None

    def _keep(self, key: bytes, found: Rendered | UnrenderableBody) -> None:
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


def plain(body: str, body_format: BodyFormat, known: str | None = None) -> Rendered:
    """The bare text of a body that cannot be rendered, with a remark that says so; `known` if the text is known."""
    text = known or (stripped(body) if body_format is BodyFormat.HTML else body)
    return Rendered(f'<p><em>{REMARK}</em></p>\n<p class="plain">{escape(text)}</p>', text)


def texts_in(value: object) -> Iterable[str]:
    """Every text in a JSON value but for the names of its fields."""
    match value:
        case str():
            yield value
        case list():
            for one in value:
                yield from texts_in(one)
        case dict():
            yield from texts_in(list(value.values()))


def _find_size_fault(body: str, body_format: BodyFormat) -> str | None:
    """What is seen at a glance. Markdown looks again and again for the end of every bracket."""
    match body_format:
        case BodyFormat.HTML:
            return find_size_fault(body)
        case BodyFormat.MARKDOWN if body.count("[") > MAX_TAGS:
            return TOO_SLOW
    return None


def _weight(found: Rendered | UnrenderableBody) -> int:
    return 256 + len(found.text or "") + (len(found.html) if isinstance(found, Rendered) else 0)
