"""Pages for what the intake service owns: topics and their forms, announcements, bans and API keys.

The desk knows who may administer; intake owns the truth, checks every value and keeps the audit log of these changes.
So each page calls intake's administration with a pass for the signed-in administrator, and shows what it refuses at the
field. While intake is away these pages say so, and the rest of the desk works on.
"""

from fastapi import APIRouter

from services.assignment.web.admin.intake import announcements, api_keys, bans, topics

router = APIRouter()
for part in (topics, announcements, bans, api_keys):
    router.include_router(part.router)
