"""Tests of quantity: a short form for every run, the long one for `make soak`."""

import os

IS_SOAK = os.environ.get("EVERDESK_TEST_SIZE") == "long"


def either(short: int, long: int) -> int:
    """The number for this run. A test that asks for one is marked `soak`, so that `make soak` runs it."""
    return long if IS_SOAK else short
