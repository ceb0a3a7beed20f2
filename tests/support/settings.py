"""The settings processes get in tests."""

from deploy.local.engines import Stack


def common_environment(engines: Stack) -> dict[str, str]:
    """What every process needs to reach these engines."""
    return {
        "EVERDESK_NATS_URL": engines.nats.url,
        "EVERDESK_TEMPORAL_ADDRESS": engines.temporal.address,
        "EVERDESK_TEMPORAL_NAMESPACE": "default",
        "EVERDESK_LINK_SECRET": "a-secret-only-for-tests",
        "EVERDESK_SESSION_SECRET": "another-secret-for-tests",
        "EVERDESK_PORTAL_URL": "http://portal.example",
        "EVERDESK_DESK_URL": "http://desk.example",
        "EVERDESK_FORM_MIN_SECONDS": "0",
        "EVERDESK_REQUESTER_PER_HOUR": "0",
        "EVERDESK_MAX_OPEN_TICKETS": "0",
        "EVERDESK_SHARED_LIMITS": "false",
        "EVERDESK_LOG_FORMAT": "console",
        "EVERDESK_LOG_LEVEL": "WARNING",
    }
