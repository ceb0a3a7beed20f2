"""How the alerts of a key are treated: read and changed by administrators."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import AfterValidator, ConfigDict, Field, JsonValue, StringConstraints

from services.intake.admin.administrators import Admin, By
from services.intake.admin.keys import KeyId
from services.intake.alerts.sources import RecoveryPolicy, SourceRules, get_rules, hold_source
from services.intake.api.route import ApiRoute, answer
from services.intake.app_state import AppState
from services.intake.deps import State
from services.intake.errors import changed_since, unknown_topic
from services.intake.models.alerts import STORM_LIMIT
from services.intake.schemas import TopicName
from shared.contracts.described_models import DescribedModel
from shared.contracts.vocabulary import Priority
from shared.kit.configuration_changes import record_change
from shared.kit.http.etags import IfMatch, etag_of, revision_of
from shared.kit.http.inputs import Input, Whole

router = APIRouter(prefix="/v1/admin/alert-sources", route_class=ApiRoute, tags=["alert sources"])
EXAMPLE: dict[str, JsonValue] = {
    "on_recovery": "resolve",
    "topic": None,
    "priorities": {"sev1": "urgent", "sev2": "high"},
    "storm_limit": 30,
}
Severity = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]


def _in_lower_case(priorities: dict[str, Priority]) -> dict[str, Priority]:
    return {name.strip().casefold(): priority for name, priority in priorities.items()}


class PutAlertSource(Input):
    """Everything about it: what is left out gets its default."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    on_recovery: RecoveryPolicy = RecoveryPolicy.RESOLVE
    """`resolve` the ticket, `note` it in a message, or do `nothing`."""
    topic: TopicName | None = None
    """Of the tickets; its priority is that of severities which are not known."""
    priorities: Annotated[dict[Severity, Priority], Field(max_length=50), AfterValidator(_in_lower_case)] = Field(
        default_factory=dict
    )
    """The priority for each severity, before the usual ones."""
    storm_limit: Annotated[Whole, Field(ge=1, le=10_000)] = STORM_LIMIT
    """New alerts a minute that get tickets of their own; those beyond are collected in one."""


class AlertSourceView(DescribedModel):
    """How the alerts of a key are treated."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [EXAMPLE | {"key_id": "1f0c9a3be2d47a55", "name": "Prometheus", "version": 1}]},
    )

    key_id: str
    name: str
    """The key's name, under which its tickets are asked for."""
    on_recovery: RecoveryPolicy
    topic: str | None
    """The topic's slug."""
    priorities: dict[str, Priority]
    storm_limit: int
    version: int
    """The number in the ETag; 1 until somebody has changed it."""


@router.get("/{key_id}", response_model=AlertSourceView)
async def read(_: Admin, state: State, key_id: KeyId) -> Response:
    """How the alerts of a key are treated; the usual way where nobody has changed it."""
    async with state.database.begin() as session:
        rules = await get_rules(session, key_id)
    return _answer(await _view(state, rules))


@router.put("/{key_id}", response_model=AlertSourceView)
async def replace(by: By, state: State, key_id: KeyId, request: PutAlertSource, if_match: IfMatch = None) -> Response:
    """Say anew how the alerts of a key are treated. Tickets there are stay as they are."""
    topic_id = await _topic_id(state, request.topic)
    async with state.database.begin() as session:
        await get_rules(session, key_id)
        source = await hold_source(session, key_id)
        expected = revision_of(if_match)
        if expected is not None and expected != source.version:
            raise changed_since(source.version)
        before = await _view(state, await get_rules(session, key_id))
        source.on_recovery, source.topic_id, source.storm_limit = request.on_recovery, topic_id, request.storm_limit
        source.priorities = {name: priority.value for name, priority in request.priorities.items()}
        source.version += session.is_modified(source)
        await session.flush()
        after = await _view(state, await get_rules(session, key_id))
        await record_change(session, by, ("alert-source", key_id, after.name), before, after)
    return _answer(after)


async def _topic_id(state: AppState, name: str | None) -> UUID | None:
    """Raises Problem 422 for a topic there is not."""
    if name is None:
        return None
    topic = await state.topics.find(name)
    if topic is None:
        raise unknown_topic()
    return topic.id


async def _view(state: AppState, rules: SourceRules) -> AlertSourceView:
    return AlertSourceView(
        key_id=rules.key_id,
        name=rules.name,
        on_recovery=rules.on_recovery,
        topic=await state.topics.slug_of(rules.topic_id),
        priorities=dict(rules.priorities),
        storm_limit=rules.storm_limit,
        version=rules.version,
    )


def _answer(view: AlertSourceView) -> Response:
    return answer(view, etag=etag_of(view.version))
