"""The portal: pages for people who ask for help."""

from services.intake.web import home, status, submit, thread

ROUTERS = (home.router, submit.router, status.router, thread.router)
"""Every page."""
