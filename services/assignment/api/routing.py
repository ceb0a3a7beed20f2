"""Administration of the routing table."""

from uuid import UUID

from fastapi import Response
from starlette.status import HTTP_201_CREATED, HTTP_204_NO_CONTENT

from services.assignment.commands.configuration.administration import create
from services.assignment.commands.configuration.rules import change_rule, create_rule, delete_rule, order_rules
from services.assignment.deps import KeyedCall, RoutingAdmin, State
from services.assignment.queries.administration.configuration import get_rule_view, list_rules
from services.assignment.schemas.routing_rules import RoutingRuleInput, RoutingRulePatch, RoutingRuleView, RuleOrder
from shared.kit.http.paging import Page
from shared.kit.http.routers import HttpRouter
from shared.kit.http.strict_json import StrictJsonRoute

router = HttpRouter(prefix="/routing-rules", tags=["routing"], route_class=StrictJsonRoute)


@router.get("", summary="List routing rules")
async def get_rules(context: State, _: RoutingAdmin) -> Page[RoutingRuleView]:
    """In the order in which they are tried; what none matches goes to the fallback team."""
    async with context.database.begin() as session:
        return Page(items=await list_rules(session))


@router.post("", response_model=RoutingRuleView, status_code=HTTP_201_CREATED, summary="Add a routing rule")
async def post_rule(context: State, _: RoutingAdmin, call: KeyedCall, body: RoutingRuleInput) -> Response:
    """Rules are tried in order: the first that says something decides it, until one stops."""
    return await create(context, call, lambda session: create_rule(session, body))


@router.put("/order", summary="Put the routing rules in order")
async def put_order(context: State, caller: RoutingAdmin, body: RuleOrder) -> Page[RoutingRuleView]:
    """Names every rule once; refused if there are others by now."""
    await order_rules(context, caller, body.rule_ids)
    async with context.database.begin() as session:
        return Page(items=await list_rules(session))


@router.get("/{rule_id}", summary="One routing rule")
async def get_rule(context: State, _: RoutingAdmin, rule_id: UUID) -> RoutingRuleView:
    """A routing rule."""
    async with context.database.begin() as session:
        return await get_rule_view(session, rule_id)


@router.patch("/{rule_id}", summary="Change a routing rule")
async def patch_rule(context: State, caller: RoutingAdmin, rule_id: UUID, body: RoutingRulePatch) -> RoutingRuleView:
    """For tickets to come."""
    return await change_rule(context, caller, rule_id, body)


@router.delete("/{rule_id}", status_code=HTTP_204_NO_CONTENT, summary="Remove a routing rule")
async def remove_rule(context: State, caller: RoutingAdmin, rule_id: UUID) -> None:
    """For tickets to come."""
    await delete_rule(context, caller, rule_id)
