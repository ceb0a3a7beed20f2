"""Every route of the old API; apart from the package, which commands use too."""

from services.intake.osticket.route import router

ROUTERS = (router,)
"""Everything under /api."""
