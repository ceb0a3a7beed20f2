"""What the OpenAPI document says of intake as a whole."""

from fastapi import FastAPI

from shared.kit.http import documents

DESCRIPTION = """
Ask for help and follow what becomes of it, for client programs.

Send `Authorization: Bearer hd_...`. A key has scopes: `create`, `read`, `reply` for the tickets it created, `alert` for
monitoring systems, `admin` for setting up. Every POST takes an `Idempotency-Key`: the same key with the same body gets
the first answer again, for 72 hours. Refusals are `application/problem+json` with a stable `code`; a 429 or 503 says in
`Retry-After` when to send the same again. Instants are UTC, ids are UUIDs in the order of their making, lists come in
pages.
"""
TAGS = [
    {"name": "tickets", "description": "Requests for help, and where they stand."},
    {"name": "messages", "description": "The conversation on a ticket, as its requester sees it."},
    {"name": "attachments", "description": "Files, sent first and named in a submission or a message then."},
    {"name": "topics", "description": "What a request can be about, and what each topic asks for."},
    {"name": "alerts", "description": "Alerts of monitoring systems: one ticket for each. Scope `alert`."},
    {"name": "alert sources", "description": "How the alerts of a key are treated. Scope `admin`."},
    {"name": "api keys", "description": "The keys of client programs. Scope `admin`."},
    {"name": "topic administration", "description": "Topics and the forms they ask for. Scope `admin`."},
    {"name": "announcements", "description": "What everybody should know before they ask. Scope `admin`."},
    {"name": "audit", "description": "Who changed intake's configuration, and how. Scope `admin`."},
    {"name": "abuse", "description": "Who may not write to us. Scope `admin`."},
    {"name": "mails", "description": "Mails that were ignored or could not be processed. Scope `admin`."},
    {"name": "personal data", "description": "What is kept of a person, and forgetting it. Scope `admin`."},
]


def describe(app: FastAPI) -> None:
    """Puts the words into the document."""
    app.description, app.openapi_tags = DESCRIPTION.strip(), TAGS
    used = {tag for _, operation in documents.operations(app.openapi()) for tag in operation.get("tags", ())}
    app.openapi()["tags"] = [tag for tag in TAGS if tag["name"] in used]
