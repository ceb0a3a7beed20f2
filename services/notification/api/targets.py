"""Chat rooms and on-call services that are told of events."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import select

from services.notification.delivery.channels import DeliveryChannel
from services.notification.deps import By, State
from services.notification.models import NotificationTarget
from services.notification.targets.payloads import TargetKind
from services.notification.targets.queue import TargetRefused, place_of
from services.notification.targets.retirement import end_alerts_at, move_alerts, remove_target
from services.notification.targets.secrets import TargetSecrets
from services.notification.targets.sender import send_test
from shared.contracts.described_models import DescribedModel
from shared.kit.clock import new_id
from shared.kit.configuration_changes import record_change
from shared.kit.db import Session
from shared.kit.http.etags import IfMatch, etag_of, revision_of
from shared.kit.http.inputs import Flag, Input
from shared.kit.http.paging import Page
from shared.kit.http.problems import Problem, invalid, not_found
from shared.kit.http.public_addresses import OutgoingRefused, read_url
from shared.kit.http.routers import HttpRouter

router = HttpRouter(prefix="/targets", tags=["targets"])
MOST_TARGETS = 200
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Url = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Secret = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class TargetInput(Input):
    """A target."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "Payments room", "kind": "slack", "url": "https://hooks.slack.com/services/T0/B0/x"}]
        }
    )

    name: Name
    kind: TargetKind
    url: Url
    """Where messages are posted; only on the public internet, unless the installation allows the network."""
    secret: Secret | None = None
    """A routing key (PagerDuty), an API key (Opsgenie) or a bearer token (generic); null keeps what is stored."""
    team_id: UUID | None = None
    """Only tickets of this team; null: of every team."""
    is_active: Flag = True


class TargetView(DescribedModel):
    """A target; the URL's path is a secret and is not shown."""

    id: UUID
    name: str
    kind: TargetKind
    channel: DeliveryChannel
    """The channel of the rules that it belongs to."""
    host: str
    has_secret: bool
    team_id: UUID | None
    is_active: bool
    version: int
    failures: int
    """Failed attempts in a row."""
    paused_until: datetime | None
    """While its circuit is open, nothing is sent to it."""

    @classmethod
    def of(cls, target: NotificationTarget, secrets: TargetSecrets) -> Self:
        """The view of a row."""
        kind = TargetKind(target.kind)
        names = ("id", "name", "team_id", "is_active", "version", "failures", "paused_until")
        values: dict[str, Any] = {name: getattr(target, name) for name in names}
        place = place_of(target, secrets)
        host = str(read_url(place[0]).host) if place else ""
        return cls(**values, kind=kind, channel=kind.channel, host=host, has_secret=target.secret is not None)


class TargetTestResult(BaseModel):
    """What the target answered."""

    __test__ = False

    accepted: bool
    answer: Annotated[str, Field(max_length=1000)]


@router.get("")
async def list_all(state: State) -> Page[TargetView]:
    """Lists the targets by name."""
    async with state.database.begin() as session:
        query = (
            select(NotificationTarget)
            .where(NotificationTarget.removed_at.is_(None))
            .order_by(NotificationTarget.name, NotificationTarget.id)
        )
        found = await session.scalars(query.limit(MOST_TARGETS))
        return Page(items=[TargetView.of(one, state.target_secrets) for one in found])


@router.post("", status_code=201)
async def add(state: State, by: By, body: TargetInput) -> TargetView:
    """Adds a target."""
    _check(body)
    async with state.database.begin() as session:
        target = NotificationTarget(id=new_id(), version=1, failures=0)
        _write(target, body, state.target_secrets)
        session.add(target)
        await session.flush()
        await record_change(session, by, _subject(target), None, _told(target, state.target_secrets))
        return TargetView.of(target, state.target_secrets)


@router.get("/{target_id}")
async def read_one(state: State, target_id: UUID, response: Response) -> TargetView:
    """Returns one target."""
    async with state.database.begin() as session:
        target = await _get(session, target_id)
        response.headers["ETag"] = etag_of(target.version)
        return TargetView.of(target, state.target_secrets)


@router.put("/{target_id}")
async def replace_one(state: State, by: By, target_id: UUID, body: TargetInput, if_match: IfMatch = None) -> TargetView:
    """Replaces a target, and closes its circuit. What is switched off, or goes to another place, is told the ends."""
    _check(body)
    expected = revision_of(if_match)
    async with state.database.begin() as session:
        target = await _get(session, target_id, is_locked=True)
        if expected not in (None, target.version):
            raise Problem(412, "version_conflict", "the target was changed since: read it again")
        before = _told(target, state.target_secrets)
        was, was_active = _content(target, state.target_secrets), target.is_active
        former = _former(target, state.target_secrets)
        _write(target, body, state.target_secrets)
        now = _content(target, state.target_secrets)
        target.version += was != now
        target.failures, target.paused_until = 0, None
        if was_active and not target.is_active:
            await end_alerts_at(session, target)
        elif former is not None and (was[1], was[-1]) != (now[1], now[-1]):
            await move_alerts(session, former, target)
        note = "the secret or the path was replaced" if was[-1] != now[-1] else ""
        await record_change(session, by, _subject(target), before, _told(target, state.target_secrets), note=note)
    state.wake_targets()
    return TargetView.of(target, state.target_secrets)


@router.delete("/{target_id}", status_code=204)
async def remove(state: State, by: By, target_id: UUID) -> None:
    """Removes a target, and tells it the end of its open alerts; what was sent to it stays in the ledger."""
    async with state.database.begin() as session:
        target = await _get(session, target_id, is_locked=True)
        await record_change(session, by, _subject(target), _told(target, state.target_secrets), None)
        await remove_target(session, target)
    state.wake_targets()


@router.post("/{target_id}/test")
async def test_one(state: State, target_id: UUID) -> TargetTestResult:
    """Posts a test message at once, and returns what the target answered."""
    async with state.database.begin() as session:
        target = await _get(session, target_id)
        kind, place = TargetKind(target.kind), place_of(target, state.target_secrets)
    try:
        answer = await send_test(state.outgoing, kind, place, state.settings.desk_url)
        return TargetTestResult(accepted=True, answer=answer)
    except TargetRefused as refused:
        return TargetTestResult(accepted=False, answer=refused.reason)


async def _get(session: Session, target_id: UUID, *, is_locked: bool = False) -> NotificationTarget:
    target = await session.get(NotificationTarget, target_id, with_for_update=is_locked or None)
    if target is None or target.removed_at is not None:
        raise not_found("target")
    return target


def _check(body: TargetInput) -> None:
    try:
        read_url(body.url)
    except OutgoingRefused as error:
        raise invalid("/url", str(error)) from error


def _subject(target: NotificationTarget) -> tuple[str, str, str]:
    return "notification-target", str(target.id), target.name


def _write(target: NotificationTarget, body: TargetInput, secrets: TargetSecrets) -> None:
    target.name, target.kind, target.url = body.name, body.kind.value, secrets.encrypt(target.id, body.url)
    target.team_id, target.is_active = body.team_id, body.is_active
    if body.secret is not None:
        target.secret = secrets.encrypt(target.id, body.secret)


def _former(target: NotificationTarget, secrets: TargetSecrets) -> NotificationTarget | None:
    """Returns a target at the same place, to which it can still be said what ends there; None if that is unreadable."""
    place = place_of(target, secrets)
    if place is None:
        return None
    former = NotificationTarget(id=new_id(), name=target.name, kind=target.kind, version=1, failures=0)
    former.team_id, former.url = target.team_id, secrets.encrypt(former.id, place[0])
    former.secret = None if place[1] is None else secrets.encrypt(former.id, place[1])
    return former


def _content(target: NotificationTarget, secrets: TargetSecrets) -> tuple[Any, ...]:
    """Returns what makes another version if it is otherwise; last its secrets, decrypted."""
    return target.name, target.kind, target.team_id, target.is_active, place_of(target, secrets)


def _told(target: NotificationTarget, secrets: TargetSecrets) -> dict[str, Any]:
    """Returns what the audit log keeps: not the path of the URL, and no secret."""
    return TargetView.of(target, secrets).model_dump(mode="json", exclude={"id", "version", "failures", "paused_until"})
