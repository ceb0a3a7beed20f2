"""Routes to preview, simulate, export and import routing rules."""

from services.assignment.commands.configuration.routing_trials import preview_rule, simulate
from services.assignment.commands.configuration.rule_documents import export_rules, import_rules
from services.assignment.deps import RoutingAdmin, State
from services.assignment.schemas.rule_documents import ImportInput, ImportView, RuleDocument
from services.assignment.schemas.simulations import RulePreview, RulePreviewInput, SimulationInput, SimulationView
from shared.kit.http.routers import HttpRouter
from shared.kit.http.strict_json import StrictJsonRoute

router = HttpRouter(tags=["routing"], route_class=StrictJsonRoute)


@router.post("/routing/simulate", summary="What would happen to a ticket, or to those of a past day")
async def post_simulation(context: State, caller: RoutingAdmin, body: SimulationInput) -> SimulationView:
    """Decides as for a real ticket, and does nothing."""
    return await simulate(context, caller, body)


@router.post("/routing-rules/preview", summary="What a rule would change")
async def post_preview(context: State, caller: RoutingAdmin, body: RulePreviewInput) -> RulePreview:
    """Tries the rules with and without it on the last tickets, and does nothing."""
    return await preview_rule(context, caller, body)


@router.get("/routing-rules/export", summary="All routing rules as one document")
async def get_document(context: State, _: RoutingAdmin) -> RuleDocument:
    """With names in place of ids, so that another installation can read it."""
    async with context.database.begin() as session:
        return await export_rules(session)


@router.post("/routing-rules/import", summary="Replace all routing rules by those of a document")
async def post_document(context: State, caller: RoutingAdmin, body: ImportInput) -> ImportView:
    """All or nothing. Without `apply` only the differences are told."""
    return await import_rules(context, caller, body)
