"""A lease is its holder's until it has run out, and never again after that."""

import asyncio
import time
from datetime import timedelta

from shared.kit.leases import HeldLease, kept_lease
from tests.support.eventually import eventually

SHORT = timedelta(seconds=0.3)


async def test_a_lease_that_is_renewed_is_held_for_longer_than_it_lasts() -> None:
    renewals = 0

    async def renew() -> None:
        nonlocal renewals
        renewals += 1

    async def is_long_renewed() -> bool:
        return renewals > 8

    async with kept_lease(SHORT, renew) as held:
        await eventually(is_long_renewed)
        assert not held.is_over


async def test_a_lease_that_ran_out_stays_so_though_it_is_renewed() -> None:
    """As after a pause of the whole process: others may have taken over what it was for."""
    renewed = asyncio.Event()

    async def renew() -> None:
        renewed.set()

    async with kept_lease(SHORT, renew, since=time.monotonic() - 1) as held:
        assert held.is_over
        await renewed.wait()
        assert held.is_over


def test_a_renewal_that_came_too_late_brings_nothing_back() -> None:
    held = HeldLease(SHORT, time.monotonic() - 1)
    held.note_renewal(time.monotonic())
    assert held.is_over


async def test_a_lease_that_cannot_be_renewed_ends() -> None:
    async def renew() -> None:
        raise ConnectionError

    async with kept_lease(SHORT, renew) as held:

        async def is_over() -> bool:
            return held.is_over

        await eventually(is_over)
