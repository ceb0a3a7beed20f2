"""Tests of quantity: a short form for every run, the long one for `make soak`."""

import os
from typing import TypeVar

T = TypeVar("T")

IS_SOAK = os.environ.get("EVERDESK_TEST_SIZE") == "long"


def either(short: T, long: T) -> T:
    """The number, or whatever else, for this run. A test that asks is marked `soak`, so that `make soak` runs it."""
    return long if IS_SOAK else short
