"""Alerts of monitoring systems come in: in a form of our own, and as Prometheus Alertmanager sends them."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from starlette.status import HTTP_200_OK

from services.intake.access.api_key_cache import KnownKey
from services.intake.alerts.accept_reports import AlertDelivery, AlertResult
from services.intake.alerts.reports import AlertInput, AlertmanagerDelivery, AlertReport
from services.intake.alerts.sources import get_rules
from services.intake.api.authentication import AlertSender
from services.intake.api.route import ApiRoute, answer
from services.intake.app_state import AppState
from services.intake.deps import State
from services.intake.models import Alert
from services.intake.schemas import PageRequest
from shared.contracts.described_models import DescribedModel
from shared.kit.clock import utc_now
from shared.kit.http.app import canonical
from shared.kit.http.idempotency import IdempotencyClaim, IdempotencyKey, fingerprint, idempotent_transaction
from shared.kit.http.paging import Page, decode_cursor, encode_cursor, unusable_cursor

router = APIRouter(prefix="/v1", route_class=ApiRoute, tags=["alerts"])


class AlertResults(BaseModel):
    """What became of the alerts of a delivery, each named once."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "alerts": [
                        {
                            "fingerprint": "c0b2f7f1f2a3d4e5",
                            "outcome": "opened",
                            "ticket_id": "019933a0-6f2e-7000-8000-000000000001",
                        }
                    ]
                }
            ]
        }
    )

    alerts: list[AlertResult]


class AlertFilters(PageRequest):
    """Which alerts to list, newest first."""

    state: Literal["firing", "recovered"] | None = None


class AlertView(DescribedModel):
    """An alert as it stands."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "fingerprint": "disk-db1",
                    "state": "firing",
                    "title": "Disk of db1 is nearly full",
                    "severity": "critical",
                    "labels": {"host": "db1", "team": "databases"},
                    "repeats": 3,
                    "is_collected": False,
                    "ticket_id": "019933a0-6f2e-7000-8000-000000000001",
                    "starts_at": None,
                    "first_at": "2026-11-28T10:00:00Z",
                    "last_at": "2026-11-28T10:15:00Z",
                }
            ]
        },
    )

    fingerprint: str
    state: Literal["firing", "recovered"]
    title: str
    severity: str
    labels: dict[str, str]
    repeats: int
    """How often it was reported again since it last began to fire."""
    is_collected: bool
    """Whether its ticket is that of a storm."""
    ticket_id: UUID | None
    starts_at: datetime | None
    first_at: datetime
    """When it was reported for the first time."""
    last_at: datetime

    @classmethod
    def of(cls, alert: Alert) -> "AlertView":
        """The view of a stored alert."""
        told: dict[str, Any] = {name: alert.report[name] for name in ("title", "severity", "labels")}
        own = [name for name in cls.model_fields if name not in told]
        return cls(**told, **{name: getattr(alert, name) for name in own})


@router.post("/alerts", response_model=AlertResult)
async def take_in_one(
    request: AlertInput, key: AlertSender, state: State, idempotency_key: IdempotencyKey = None
) -> Response:
    """Report an alert that fires or has recovered. One fingerprint has one ticket, however often it is reported."""
    claim = _claim(key, idempotency_key, request)
    return await _accept(state, key, claim, [request.report()], lambda results: results[0])


@router.post("/alerts/alertmanager", response_model=AlertResults)
async def take_in_from_alertmanager(
    request: AlertmanagerDelivery, key: AlertSender, state: State, idempotency_key: IdempotencyKey = None
) -> Response:
    """Receive what Prometheus Alertmanager's webhook posts: each alert of the group is treated by itself."""
    claim = _claim(key, idempotency_key, request)
    return await _accept(state, key, claim, request.reports(), lambda results: AlertResults(alerts=results))


@router.get("/alerts")
async def list_all(filters: Annotated[AlertFilters, Query()], key: AlertSender, state: State) -> Page[AlertView]:
    """The alerts this key has reported, the newest first, with their tickets."""
    query = select(Alert).where(Alert.key_id == key.key_id).order_by(Alert.id.desc()).limit(filters.limit + 1)
    if filters.state:
        query = query.where(Alert.state == filters.state)
    if position := _position(filters.cursor):
        query = query.where(Alert.id < position)
    async with state.database.begin() as session:
        alerts = list(await session.scalars(query))
    shown = alerts[: filters.limit]
    next_cursor = encode_cursor(str(shown[-1].id)) if len(alerts) > len(shown) else None
    return Page(items=[AlertView.of(alert) for alert in shown], next_cursor=next_cursor)


def _claim(key: KnownKey, idempotency_key: str | None, request: BaseModel) -> IdempotencyClaim:
    content = fingerprint(canonical(request.model_dump(mode="json"))) if idempotency_key else b""
    return IdempotencyClaim(f"{key.key_id}:alerts", idempotency_key, content)


async def _accept(
    state: AppState,
    key: KnownKey,
    claim: IdempotencyClaim,
    reports: Sequence[AlertReport],
    shape: Callable[[list[AlertResult]], BaseModel],
) -> Response:
    """Takes in the reports in one transaction with the answer; the rest is left to the background job."""
    async with idempotent_transaction(state.database, claim.scope, claim.key, claim.request_hash) as guarded:
        if guarded.stored:
            return guarded.stored
        rules = await get_rules(guarded.session, key.key_id)
        results = await AlertDelivery(guarded.session, rules, utc_now()).accept_reports(reports)
        body = shape(results).model_dump_json().encode()
        await guarded.store(body, HTTP_200_OK)
    state.alerts.poke()
    return answer(body)


def _position(cursor: str | None) -> UUID | None:
    """Raises Problem 422 for a cursor that is not ours."""
    decoded = decode_cursor(cursor, str)
    if decoded is None:
        return None
    try:
        return UUID(str(decoded[0]))
    except ValueError:
        raise unusable_cursor() from None
