"""Export and import of all routing rules as one document; an import is all-or-nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import func, select

from services.assignment.app_state import AppState
from services.assignment.commands.configuration.administration import changing
from services.assignment.commands.configuration.audit import record_change
from services.assignment.commands.configuration.rules import GAP, REFERENCES, RULES_LOCK, check_rule, columns_of
from services.assignment.commands.configuration.versions import lock
from services.assignment.models import Agent, Policy, RoutingRule, Team
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.administration.configuration import rule_view
from services.assignment.routing_rules.table import conditions_of
from services.assignment.schemas.routing_rules import RuleTerms
from services.assignment.schemas.rule_documents import (
    DocumentedRule,
    ImportInput,
    ImportView,
    RuleDifference,
    RuleDocument,
)
from shared.domain.routing_rules import describe_conditions
from shared.kit.clock import new_id
from shared.kit.db import Session
from shared.kit.http.idempotency import fingerprint
from shared.kit.http.problems import Problem, invalid

SAME = tuple(RuleTerms.model_fields)
"""Fields that a document has as the table has them."""
REFERRING = {"team": "team_id", "policy": "policy_id", "assignee": "assignee_id"}


@dataclass(frozen=True, slots=True)
class _Names:
    """What documents call teams, policies and agents."""

    ids: Mapping[str, Mapping[str, UUID]]

    def name_of(self, kind: str, wanted: UUID | None) -> str | None:
        """The name of something; None where there is nothing."""
        return next((name for name, one in self.ids[kind].items() if one == wanted), None)


async def export_rules(session: Session) -> RuleDocument:
    """All rules in order."""
    names = await _get_names(session)
    rules = await session.scalars(select(RoutingRule).order_by(RoutingRule.position))
    return RuleDocument(rules=tuple(_documented(rule, names) for rule in rules))


async def import_rules(context: AppState, by: Caller, body: ImportInput) -> ImportView:
    """Makes the table what the document says, or tells what that would change.

    Raises Problem 422 for what the document names and is not here, and 409 if the rules are not the ones shown.
    """
    async with changing(context, by) as session:
        await lock(session, RULES_LOCK)
        query = select(RoutingRule).order_by(RoutingRule.position).with_for_update()
        stored = list(await session.scalars(query))
        digest = digest_of(stored)
        if body.digest is not None and body.digest != digest:
            raise Problem(409, "stale", "the rules were changed after the differences were shown: look at them again")
        wanted = _wanted(body.document, await _get_names(session), {rule.id for rule in stored})
        with session.no_autoflush:
            await _check(session, wanted)
        differences = _differences(stored, wanted)
        if body.apply:
            await _apply(session, stored, wanted)
        unchanged = len(wanted) - sum(one.action != "removed" for one in differences)
        return ImportView(applied=body.apply, digest=digest, unchanged=unchanged, differences=differences)


def digest_of(rules: Sequence[RoutingRule]) -> str:
    """Stands for the rules as they are."""
    return fingerprint(*(f"{rule.id}:{rule.version}:{rule.position}" for rule in rules)).hex()[:32]


def _documented(rule: RoutingRule, names: _Names) -> DocumentedRule:
    values: dict[str, Any] = {name: getattr(rule, name) for name in SAME}
    values |= {kind: names.name_of(kind, getattr(rule, column)) for kind, column in REFERRING.items()}
    return DocumentedRule.model_validate_json(to_json({"id": rule.id, **values}))


def _wanted(document: RuleDocument, names: _Names, known: set[UUID]) -> list[RoutingRule]:
    """The rules that the document asks for, not stored. Raises Problem 422 with the place of what is not here."""
    wanted = []
    for number, one in enumerate(document.rules):
        values = columns_of({name: getattr(one, name) for name in SAME})
        for kind, column in REFERRING.items():
            name = getattr(one, kind)
            name = name.lower() if kind == "assignee" and name else name
            if name is not None and name not in names.ids[kind]:
                raise invalid(f"/document/rules/{number}/{kind}", f"there is no such {kind} here: {name}")
            values[column] = names.ids[kind][name] if name is not None else None
        rule_id = one.id if one.id in known else new_id()
        wanted.append(RoutingRule(id=rule_id, position=(number + 1) * GAP, version=1, **values))
    return wanted


async def _check(session: Session, wanted: Sequence[RoutingRule]) -> None:
    for number, rule in enumerate(wanted):
        try:
            await check_rule(session, rule, REFERENCES)
        except Problem as problem:
            first = next(iter(problem.errors), {"pointer": "", "detail": problem.detail})
            raise invalid(f"/document/rules/{number}{first['pointer']}", first["detail"]) from problem


def _differences(stored: Sequence[RoutingRule], wanted: Sequence[RoutingRule]) -> list[RuleDifference]:
    before = {rule.id: rule for rule in stored}
    kept = [rule.id for rule in stored if rule.id in {one.id for one in wanted}]
    places = {rule_id: place for place, rule_id in enumerate(kept)}
    found, place = [], 0
    for rule in wanted:
        old = before.get(rule.id)
        if old is None:
            found.append(_difference("added", rule))
            continue
        fields = _changed(old, rule)
        if fields:
            found.append(_difference("changed", rule, fields))
        elif places[rule.id] != place:
            found.append(_difference("moved", rule))
        place += 1
    gone = [rule for rule in stored if rule.id not in {one.id for one in wanted}]
    return [*found, *(_difference("removed", rule) for rule in gone)]


def _changed(old: RoutingRule, new: RoutingRule) -> list[str]:
    columns = (*SAME, *REFERRING.values())
    return [name for name in columns if getattr(old, name) != getattr(new, name)]


def _difference(action: Any, rule: RoutingRule, fields: Sequence[str] = ()) -> RuleDifference:
    words = rule.name or describe_conditions(conditions_of(rule)) or "any ticket"
    return RuleDifference(action=action, id=rule.id if action != "added" else None, name=words, fields=list(fields))


async def _apply(session: Session, stored: Sequence[RoutingRule], wanted: Sequence[RoutingRule]) -> None:
    """Positions are unique at every moment, so all move out of the way first."""
    before = {rule.id: (rule, rule_view(rule)) for rule in stored}
    for number, rule in enumerate(stored, 1):
        rule.position = -number
    await session.flush()
    staying = {rule.id for rule in wanted}
    for rule, view in before.values():
        if rule.id not in staying:
            await record_change(session, view, None)
            await session.delete(rule)
    for new in wanted:
        if new.id not in before:
            session.add(new)
            await session.flush()
            await record_change(session, None, rule_view(new))
            continue
        rule, view = before[new.id]
        for name in ("position", *_changed(rule, new)):
            setattr(rule, name, getattr(new, name))
        if rule_view(rule) != view:
            rule.version += 1
        await session.flush()
        await record_change(session, view, rule_view(rule))


async def _get_names(session: Session) -> _Names:
    teams = await session.execute(select(Team.slug, Team.id))
    policies = await session.execute(
        select(Policy.body["name"].astext, Policy.id).where(Policy.is_current).order_by(Policy.is_active, Policy.id)
    )
    agents = await session.execute(select(func.lower(Agent.email), Agent.id))
    return _Names(
        {
            "team": dict(teams.tuples().all()),
            "policy": dict(policies.tuples().all()),
            "assignee": dict(agents.tuples().all()),
        }
    )
