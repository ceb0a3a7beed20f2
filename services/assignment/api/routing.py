"""Administration of the routing table."""

from uuid import UUID

from fastapi import APIRouter, Response
from starlette.status import HTTP_201_CREATED, HTTP_204_NO_CONTENT

from services.assignment.commands.administration import create
from services.assignment.commands.rules import change_rule, create_rule, delete_rule
from services.assignment.deps import KeyedCall, RoutingAdmin, State
from services.assignment.models import RoutingRule
from services.assignment.queries.configuration import list_rules, rule_view
from services.assignment.schemas.routing_rules import RoutingRuleInput, RoutingRulePatch, RoutingRuleView
from shared.kit.http.paging import Page
from shared.kit.http.problems import not_found
from shared.kit.http.strict_json import StrictJsonRoute

router = APIRouter(prefix="/routing-rules", tags=["routing"], route_class=StrictJsonRoute)


@router.get("", summary="List routing rules")
async def get_rules(context: State, _: RoutingAdmin) -> Page[RoutingRuleView]:
    """In the order in which they are tried; what none matches goes to the fallback team."""
    async with context.database.begin() as session:
        return Page(items=await list_rules(session))


@router.post("", response_model=RoutingRuleView, status_code=HTTP_201_CREATED, summary="Add a routing rule")
async def post_rule(context: State, _: RoutingAdmin, call: KeyedCall, body: RoutingRuleInput) -> Response:
    """The first rule that matches a new ticket decides."""
    return await create(context, call, lambda session: create_rule(session, body))


@router.get("/{rule_id}", summary="One routing rule")
async def get_rule(context: State, _: RoutingAdmin, rule_id: UUID) -> RoutingRuleView:
    """A routing rule."""
    async with context.database.begin() as session:
        rule = await session.get(RoutingRule, rule_id)
    if rule is None:
        raise not_found("routing rule")
    return rule_view(rule)


@router.patch("/{rule_id}", summary="Change a routing rule")
async def patch_rule(context: State, caller: RoutingAdmin, rule_id: UUID, body: RoutingRulePatch) -> RoutingRuleView:
    """For tickets to come."""
    return await change_rule(context, caller, rule_id, body)


@router.delete("/{rule_id}", status_code=HTTP_204_NO_CONTENT, summary="Remove a routing rule")
async def remove_rule(context: State, caller: RoutingAdmin, rule_id: UUID) -> None:
    """For tickets to come."""
    await delete_rule(context, caller, rule_id)
