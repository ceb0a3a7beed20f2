"""NATS JetStream: whether it answers, fsync, clock, the streams' room, what consumers leave, and dead letters."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from nats.js import JetStreamContext
from nats.js.api import ConsumerInfo, StreamInfo
from nats.js.errors import NotFoundError

from deploy.cli.doctor.findings import Finding, Gravity, bad, clock_finding, doubtful, graded, ok, unknown
from deploy.cli.doctor.process_environments import ProcessEnvironments
from deploy.cli.errors import CliError
from deploy.cli.read_only_bus import connected
from shared.contracts.names import DEAD_STREAM, STREAM
from shared.kit.bus.durability import read_varz, verdict
from shared.kit.bus.message_size import HEADERS_BYTES, MOST_EVENT_BYTES
from shared.kit.clock import utc_now
from shared.kit.settings import Settings

LAG_WARNING, LAG_ERROR = 30.0, 300.0
FULL_WARNING, FULL_ERROR = 0.8, 0.95
DAY = 86_400
RUNBOOK = "docs/runbooks/nats-down.md"


async def check_bus(around: ProcessEnvironments) -> list[Finding]:
    """The server, both streams and every durable consumer."""
    if not around.setting("EVERDESK_NATS_URL"):
        return [unknown("nats", "reachable", "no server is named here (EVERDESK_NATS_URL)")]
    try:
        async with connected() as bus:
            js = await bus.jetstream()
            server = bus.client.connected_server_version
            version = f"NATS {server.major}.{server.minor}.{server.patch}"
            size = size_finding(bus.client.max_payload)
            found = [ok("nats", "reachable", version), size, *await _streams(js, around)]
    except CliError as problem:
        return [bad("nats", "reachable", str(problem), RUNBOOK)]
    return [*found, *await _server(around)]


async def _server(around: ProcessEnvironments) -> list[Finding]:
    """What only the server's monitor tells."""
    url = around.setting("EVERDESK_NATS_MONITOR_URL")
    before = utc_now()
    varz = await read_varz(url) if url else None
    middle = before + (utc_now() - before) / 2
    is_safe, sentence = verdict(varz, int(_number(around, "stream_replicas")))
    found = [power_cut_finding(is_safe, sentence)]
    theirs = clock_of(varz)
    if theirs is None:
        return [*found, unknown("nats", "clock", "not known without the monitor", "set EVERDESK_NATS_MONITOR_URL")]
    return [*found, clock_finding("nats", theirs - middle)]


def power_cut_finding(is_safe: bool | None, sentence: str) -> Finding:  # noqa: FBT001 - as `verdict` tells it
    """Whether what was acknowledged is on the disk."""
    if is_safe:
        return ok("nats", "power cuts", sentence)
    mend = "jetstream { sync_interval: always } in nats.conf of every server, then restart it"
    if is_safe is None:
        return unknown("nats", "power cuts", sentence, mend)
    return bad("nats", "power cuts", sentence, mend)


def size_finding(takes: int) -> Finding:
    """Whether the server takes events of every size that people may write."""
    says = f"messages of up to {takes // 1024} KiB"
    if takes >= MOST_EVENT_BYTES + HEADERS_BYTES:
        return ok("nats", "message size", says)
    mend = "max_payload: 1MB in nats.conf of every server, then restart it"
    return doubtful("nats", "message size", f"{says}; longer texts are refused, and long mails wait", mend)


def clock_of(varz: Mapping[str, Any] | None) -> datetime | None:
    """The server's own time, as its monitor says it."""
    said = (varz or {}).get("now")
    if not isinstance(said, str):
        return None
    # NATS writes up to nine digits of a second; Python reads six.
    whole, dot, fraction = said.rstrip("Z").partition(".")
    try:
        return datetime.fromisoformat(f"{whole}{dot}{fraction[:6]}").replace(tzinfo=UTC)
    except ValueError:
        return None


async def _streams(js: JetStreamContext, around: ProcessEnvironments) -> list[Finding]:
    try:
        stream, buried = await js.stream_info(STREAM), await js.stream_info(DEAD_STREAM)
    except NotFoundError:
        return [bad("nats", "streams", "the streams are not there", "start a service: it makes them")]
    consumers = [one for one in await js.consumers_info(STREAM) if one.config.durable_name]
    return [
        room_finding(stream),
        room_finding(buried),
        age_finding(stream, _number(around, "stream_max_age_days") * DAY),
        age_finding(buried, _number(around, "dead_letter_days") * DAY),
        dead_letters_finding(buried.state.messages),
        *[await _consumer(js, one) for one in consumers],
    ]


def _number(around: ProcessEnvironments, name: str) -> float:
    """A setting as the services have it, or its default."""
    said = around.setting(f"EVERDESK_{name.upper()}", "notification")
    return float(said or Settings.model_fields[name].default)


def room_finding(stream: StreamInfo) -> Finding:
    """How full a stream is: a full one refuses, and outboxes hold what waits."""
    most = stream.config.max_bytes or 0
    used = stream.state.bytes / most if most > 0 else 0.0
    gravity = graded(used, FULL_WARNING, FULL_ERROR)
    says = f"{stream.config.name} holds {stream.state.messages} messages, {used:.0%} of its room"
    mend = "raise EVERDESK_STREAM_MAX_BYTES or lower EVERDESK_STREAM_MAX_AGE_DAYS, and restart the services"
    return Finding("nats", "room", gravity, says, "" if gravity is Gravity.OK else mend)


def age_finding(stream: StreamInfo, wanted: float) -> Finding:
    """Whether the stream keeps messages for as long as the settings say."""
    kept = stream.config.max_age or 0
    says = f"{stream.config.name} keeps {kept / DAY:g} days"
    if abs(kept - wanted) < 1:
        return ok("nats", "retention", says)
    mend = "restart the services, which bring the stream to the settings; or give this command the same settings"
    return doubtful("nats", "retention", f"{says}; the settings say {wanted / DAY:g}", mend)


def dead_letters_finding(count: int) -> Finding:
    """Events that a consumer could not handle."""
    says = f"{count} dead letters"
    return (
        bad("nats", "dead letters", says, "everdesk dead-letters list") if count else ok("nats", "dead letters", says)
    )


async def _consumer(js: JetStreamContext, consumer: ConsumerInfo) -> Finding:
    waiting = (consumer.num_pending or 0) + (consumer.num_ack_pending or 0)
    since = await _oldest(js, consumer) if waiting else None
    return consumer_finding(consumer.name, waiting, utc_now() - since if since else None)


async def _oldest(js: JetStreamContext, consumer: ConsumerInfo) -> datetime | None:
    """When the first event was published that the consumer has not settled."""
    after = (consumer.ack_floor.stream_seq if consumer.ack_floor else 0) + 1
    subjects = consumer.config.filter_subjects or [consumer.config.filter_subject or ">"]
    instants: list[datetime] = []
    for subject in subjects:
        try:
            message = await js.get_msg(STREAM, seq=after, subject=subject, next=True)
        except NotFoundError:
            continue
        if message.time is not None:
            instants.append(message.time)
    return min(instants, default=None)


def consumer_finding(name: str, waiting: int, age: timedelta | None) -> Finding:
    """Whether a consumer keeps up."""
    seconds = age.total_seconds() if age else 0.0
    gravity = graded(seconds, LAG_WARNING, LAG_ERROR)
    says = f"{name}: {waiting} events wait, the oldest for {seconds:.0f} s"
    mend = f"look for consumer.paused and consumer.failed in the log of its process; {RUNBOOK}"
    return Finding("nats", "consumer lag", gravity, says, "" if gravity is Gravity.OK else mend)
