"""How engines written in Go collect garbage and look after their threads."""

RARE_GARBAGE_COLLECTION = {"GOGC": "400", "GOMEMLIMIT": "512MiB"}
"""Less often than Go does by itself, which saves Temporal and NATS about a twentieth, up to a bound of memory."""
TIMER_SLACK = 0.0005
"""Seconds by which their timers may be late. While anything happens Go's monitor sleeps 20 microseconds at a time;
each time it is woken costs more than it then does. Woken less often, NATS needs a tenth less of the processor."""
