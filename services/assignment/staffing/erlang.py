"""Erlang's formula for one queue with Poisson arrivals and exponential work: what simulations are checked against."""

from datetime import timedelta


def erlang_c(arrivals_per_hour: float, work: timedelta, agents: int) -> tuple[float, timedelta] | None:
    """Returns the probability of waiting and the mean wait of all arrivals; None if agents cannot keep up."""
    load = arrivals_per_hour * work / timedelta(hours=1)
    if load >= agents:
        return None
    blocked = 1.0
    for number in range(1, agents + 1):
        blocked = load * blocked / (number + load * blocked)
    waiting = blocked / (1 - load / agents * (1 - blocked))
    return waiting, waiting * work / (agents - load)
