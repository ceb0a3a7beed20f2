"""Reads the SLA state of runs that began before late facts were recomputed; such runs may still continue as new."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any


def from_legacy_state(value: Mapping[str, Any]) -> dict[str, Any]:
    """The clocks as they stood become the base; facts count from the latest instant they knew of."""
    policy = value.get("policy")
    key = policy and (policy.get("digest") or f"{policy['policy_id']}:{policy['version']}")
    versions = (policy or {}).get("version", 0), ((policy or {}).get("calendar") or {}).get("version", 0)
    clocks = [clock | {"policy_version": versions[0], "calendar_version": versions[1]} for clock in value["clocks"]]
    base = {
        "opened_at": value["opened_at"],
        "priority": value["priority"],
        "policy": key,
        "clocks": clocks,
        "early": [fact | {"seq": 0} for fact in value.get("early", ())],
        "first_replied_at": value.get("first_replied_at"),
    }
    known = [value["opened_at"], value.get("last_replied_at")]
    known += [clock.get(name) for clock in clocks for name in ("started_at", "breached_at", "settled_at")]
    reached = max(_instant(instant) for instant in known if instant is not None)
    return {
        "base": base,
        "current": base,
        "horizon": reached,
        "reached": reached,
        "policies": {key: policy} if key else {},
        "revisions": {
            f"{clock['metric']}:{clock['cycle']}": clock["revision"] for clock in clocks if clock.get("revision")
        },
    }


def _instant(value: str | datetime) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)
