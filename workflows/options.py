"""Time-outs, retry policies and limits of the ticket workflow."""

from datetime import timedelta

from temporalio.common import RetryPolicy

PUBLISH_EVENTS = "publish_events"
PUBLISH_TIMEOUT = timedelta(seconds=20)
PUBLISH_RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=200),
    backoff_coefficient=2,
    maximum_interval=timedelta(seconds=10),
    maximum_attempts=0,
)
"""An outage of NATS delays events; it never loses one."""

HISTORY_LIMIT = 2000
"""Events after which a run continues as new, well under the server's 51,200."""
REMEMBERED_COMMANDS = 200
"""Commands whose answer a retry gets again, across runs."""
REMEMBERED_MESSAGES = 200
"""Messages whose events a redelivery gets again: many times what a consumer takes at once."""
BATCH_LIMIT = 200
"""Events per publish activity: about 400 KB, under the server's payload limit."""
CARRIED_EVENTS = 200
"""Unpublished events that a run hands to the next: a payload may hold 2 MB, which an outage of NATS could exceed."""
