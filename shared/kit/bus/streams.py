"""Creates the two streams as configured, as large as the server's storage allows."""

from collections.abc import Iterator

from nats.js import JetStreamContext
from nats.js import errors as js_errors
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig

from shared.contracts.names import DEAD_STREAM, DEAD_SUBJECTS, STREAM, STREAM_SUBJECTS
from shared.kit.settings import Settings
from shared.kit.telemetry import log

DUPLICATE_WINDOW = 120.0
SMALLEST_BYTES = 16 * 1024**2
NO_ROOM = (10023, 10028, 10047)
"""JetStream's codes for: no resources, no memory, no storage."""
NOT_CLUSTERED = (10005, 10074)
"""JetStream's codes for: no suitable peers, and replicas on a server that stands alone."""


class StreamRefusedError(Exception):
    """The server refused the configured stream; the message says which setting to change."""


def wanted_streams(settings: Settings) -> tuple[StreamConfig, StreamConfig]:
    """Returns the configurations of the event stream and the dead-letter stream."""
    day = 86_400
    events = _config(STREAM, STREAM_SUBJECTS, settings.stream_max_age_days * day, settings.stream_max_bytes)
    dead = _config(DEAD_STREAM, DEAD_SUBJECTS, settings.dead_letter_days * day, settings.stream_max_bytes // 4)
    for config in (events, dead):
        config.num_replicas = settings.stream_replicas
    return events, dead


def _config(name: str, subjects: tuple[str, ...], max_age: float, max_bytes: int) -> StreamConfig:
    return StreamConfig(
        name=name,
        subjects=list(subjects),
        retention=RetentionPolicy.LIMITS,
        storage=StorageType.FILE,
        discard=DiscardPolicy.NEW,
        max_age=max_age,
        max_bytes=max_bytes,
        duplicate_window=DUPLICATE_WINDOW,
        allow_direct=True,
    )


async def ensure_streams(js: JetStreamContext, settings: Settings) -> bool:
    """Creates or updates both streams; returns whether one was not as it should be.

    Raises StreamRefusedError if the server lacks storage.
    """
    changed = [await _ensure(js, config) for config in wanted_streams(settings)]
    return any(changed)


async def _ensure(js: JetStreamContext, config: StreamConfig) -> bool:
    """Creates a stream in the configured size, or halved until it fits; returns whether anything was changed.

    One that is there serves on where the server would refuse it anew, as after a start on a disk with less room.
    """
    wanted = config.max_bytes or SMALLEST_BYTES
    held = await _held(js, config.name or "")
    for size in _sizes(wanted, held or 0):
        config.max_bytes = size
        try:
            is_changed = await _make(js, config)
        except js_errors.APIError as error:
            if error.err_code in NOT_CLUSTERED and (config.num_replicas or 1) > 1:
                raise StreamRefusedError(
                    f"NATS cannot keep {config.num_replicas} copies of the stream {config.name}: it needs a cluster of "
                    "as many servers. Set EVERDESK_STREAM_REPLICAS to no more than there are."
                ) from error
            if error.err_code not in NO_ROOM:
                raise
        else:
            if size < wanted:
                log.warning("bus.stream_is_smaller", stream=config.name, bytes=size, wanted=wanted, advice=ADVICE)
            return is_changed or held is None
    if held is not None:
        log.warning("bus.stream_is_as_it_was", stream=config.name, advice=ADVICE)
        return False
    raise StreamRefusedError(f"NATS has no room for the stream {config.name}, not even of {size} bytes. {ADVICE}")


ADVICE = "Free space on the disk of NATS, raise its max_file_store, or set EVERDESK_STREAM_MAX_BYTES to what fits."


def _sizes(wanted: int, held: int) -> Iterator[int]:
    """Yields the configured size and its halves, never below the bytes the stream holds."""
    size = max(wanted, held)
    yield size
    while size // 2 >= max(SMALLEST_BYTES, held):
        size //= 2
        yield size


async def _held(js: JetStreamContext, name: str) -> int | None:
    """Bytes in a stream; None if there is none."""
    try:
        return (await js.stream_info(name)).state.bytes
    except js_errors.NotFoundError:
        return None


async def _make(js: JetStreamContext, config: StreamConfig) -> bool:
    """Creates or updates a stream; returns whether one of the same name was different."""
    try:
        await js.add_stream(config)
    except js_errors.BadRequestError as error:
        if error.err_code in NOT_CLUSTERED:
            raise
        await js.update_stream(config)
        return True
    return False
