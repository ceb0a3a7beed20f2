"""Administration pages for what the intake service owns: topics and their forms, announcements, bans and API keys.

The desk checks the administrator's permission; intake owns the data, validates every value and keeps the audit log.
Each page calls intake's admin API with a pass for the signed-in administrator, and shows refusals at the field. While
intake is down these pages say so, and the rest of the desk works.
"""

from services.assignment.web.admin.intake import alert_sources, announcements, api_keys, bans, topics
from shared.kit.http.routers import HttpRouter

router = HttpRouter()
for part in (topics, announcements, bans, api_keys, alert_sources):
    router.include_router(part.router)
