"""Routes of the installation: the organisation's name."""

from services.assignment.deps import AgentsAdmin, State
from services.assignment.schemas.installation import InstallationPatch, InstallationView
from services.assignment.setup.naming import change_installation, get_installation
from shared.kit.http.routers import HttpRouter
from shared.kit.http.strict_json import StrictJsonRoute

router = HttpRouter(prefix="/installation", tags=["installation"], route_class=StrictJsonRoute)


@router.get("", summary="The organisation's name")
async def read_installation(context: State, _: AgentsAdmin) -> InstallationView:
    """Empty where none was given."""
    async with context.database.begin() as session:
        return await get_installation(session)


@router.patch("", summary="Name the organisation")
async def patch_installation(context: State, caller: AgentsAdmin, body: InstallationPatch) -> InstallationView:
    """Pages show it within a minute, mails from then on."""
    return await change_installation(context, caller, body)
