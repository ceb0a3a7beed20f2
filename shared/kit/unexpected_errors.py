"""Handles an unexpected error on one of several items: it is logged, and the others go on."""

from shared.kit.outages import is_unreachable
from shared.kit.telemetry import log

OUR_FAULT = "this is our fault; the log of the service says more"
"""What people are told of it."""


def log_unexpected(error: Exception, event: str, **facts: object) -> None:
    """Logs the error, so that the caller puts this one thing off and goes on with the others.

    Work that ends at it begins anew with the same thing, and what is behind it waits for ever. Raises the error if an
    engine is away, which the others would find, too.
    """
    if is_unreachable(error):
        raise error
    log.error(event, exc_info=error, **facts)
