"""The audit log, as the API answers it."""

from typing import Any

from pydantic import ConfigDict, Field

from services.assignment.schemas.tickets import View
from shared.contracts.base import Instant


class AuditEntryView(View):
    """One change of the configuration."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "seq": 42,
                    "at": "2026-11-24T09:30:00Z",
                    "actor_id": "0197b3a1-7c1e-7a51-9d43-0f6f4b9f9a11",
                    "actor_name": "Ada Lindqvist",
                    "address": "203.0.113.7",
                    "action": "role.changed",
                    "subject_id": "0197b3a1-7c1e-7a51-9d43-0f6f4b9f9a12",
                    "subject_name": "Limited",
                    "before": {"name": "Limited", "scope": "all"},
                    "after": {"name": "Limited", "scope": "teams"},
                    "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                }
            ]
        }
    )

    seq: int
    """Its place in the log, without gaps."""
    at: Instant
    actor_id: str
    """The agent who made the change, or `program:` and the id of a service token.

    Empty where Everdesk did, as in the daily refresh of a holiday feed.
    """
    actor_name: str
    address: str
    """The network address that the change came from."""
    action: str
    """What was done to what: `agent.added`, `sla-policy.changed`, `routing-rule.removed`."""
    subject_id: str
    subject_name: str
    before: dict[str, Any] | None = Field(description="The whole value before; null for what was added")
    after: dict[str, Any] | None = Field(description="The whole value after; null for what was removed")
    hash: str
    """Of this entry and the hash of the one before it (SHA-256, hexadecimal)."""
