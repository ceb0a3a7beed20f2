"""How late the read model is: while events are being projected, and shortly after."""

from datetime import timedelta

import pytest

from deploy.cli.status import lag_line
from services.assignment.projection_lag import METRIC, ProjectionLag
from tests.support.scripted_ticket import ScriptedTicket


async def test_the_lag_is_the_age_of_what_is_being_projected_then_that_of_the_last_batch() -> None:
    life = ScriptedTicket()
    now, ticks = [life.opened_at + timedelta(seconds=3)], [100.0]
    lag = ProjectionLag(lambda: now[0], lambda: ticks[0])
    assert lag.seconds == 0
    with pytest.raises(ConnectionError):
        async with lag.projecting(life.log):
            raise ConnectionError
    now[0] += timedelta(seconds=4)
    assert (lag.seconds, lag.is_too_long) == (7, True), "what failed still waits"
    async with lag.projecting(life.log):
        now[0] += timedelta(seconds=1)
    assert lag.seconds == 8
    ticks[0] += 11
    assert lag.seconds == 0


@pytest.mark.parametrize(("said", "state", "is_good"), [("0.25", "0.25 s", True), ("2.5", "2.50 s", False)])
def test_status_fails_when_the_desk_is_behind(said: str, state: str, is_good: bool) -> None:
    line = lag_line(f"# HELP {METRIC} x\n{METRIC} {said}\n")
    assert (line.state, line.is_good) == (state, is_good)
    assert not lag_line("").is_good
