"""Pauses grow as their policy says, and end with a success."""

import pytest

from shared.kit import backoff
from shared.kit.backoff import Backoff, Pauses, retry

QUICK = Backoff((0.001, 0.002))


@pytest.mark.parametrize(("failures", "seconds"), [(1, 0.001), (2, 0.002), (3, 0.002), (99, 0.002)])
def test_the_last_pause_stands_for_all_that_follow(failures: int, seconds: float) -> None:
    assert QUICK.after(failures) == seconds
    assert QUICK.delay_after(failures).total_seconds() == pytest.approx(seconds)


def test_no_policy_ever_waits_less_than_before() -> None:
    policies = [policy for policy in vars(backoff).values() if isinstance(policy, Backoff)]
    assert len(policies) == 8
    assert all(list(policy.seconds) == sorted(policy.seconds) and policy.seconds[0] > 0 for policy in policies)


async def test_a_success_starts_the_count_anew() -> None:
    pauses = Pauses(QUICK)
    await pauses.wait()
    await pauses.wait()
    assert pauses.failures == 2
    pauses.reset()
    assert pauses.failures == 0


async def test_passing_errors_are_tried_again_and_told() -> None:
    errors, told = [OSError("1"), OSError("2")], []

    async def call() -> str:
        if errors:
            raise errors.pop(0)
        return "done"

    result = await retry(call, QUICK, lambda e: isinstance(e, OSError), lambda e, n: told.append((str(e), n)))
    assert (result, told) == ("done", [("1", 0), ("2", 1)])


async def test_any_other_error_is_raised_at_once() -> None:
    async def call() -> None:
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - it has no words
        await retry(call, QUICK, lambda error: isinstance(error, OSError))
