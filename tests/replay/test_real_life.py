"""A small replay of the real incident log in every test run, so that `make replay` cannot rot."""

from collections import Counter

from tests.replay.compare import Compared
from tests.replay.conftest import RealLife
from tests.replay.incident_log import INCIDENTS, REOPENED, ROWS, WEEK
from tests.replay.live import ReplayProgress, server
from tests.replay.pure import play
from tests.replay.sampling import choose, layer_of

PURELY = 150
LIVE = 12


def test_the_whole_log_is_read(real_life: RealLife) -> None:
    incidents = real_life.incidents
    assert len(incidents) == INCIDENTS
    assert sum(len(incident.rows) for incident in incidents) == ROWS
    assert sum(incident.is_reopened for incident in incidents) == REOPENED
    assert all(incident.rows[0].is_first and incident.opened_at <= incident.rows[0].at for incident in incidents)
    assert all(a.at <= b.at for each in incidents for a, b in zip(each.rows, each.rows[1:], strict=False))
    assert {each.number for each in incidents if any(r.is_late and not r.is_first for r in each.rows)} == {"INC0000137"}
    assert {incident.rows[-1].state for incident in incidents} == {"Closed"}


def test_a_choice_holds_all_reopened_incidents_and_every_priority_and_length(real_life: RealLife) -> None:
    chosen = choose(real_life.incidents, 600, "seed")
    assert chosen == choose(real_life.incidents, 600, "seed") != choose(real_life.incidents, 600, "another")
    assert len(chosen) == 600
    assert sum(incident.is_reopened for incident in chosen) == REOPENED
    assert {layer_of(each) for each in chosen} == {layer_of(each) for each in real_life.incidents}


def test_verdicts_from_the_log_of_events_equal_the_live_ones(real_life: RealLife) -> None:
    chosen = choose(real_life.incidents, REOPENED + PURELY, "pure")
    lives = [play(incident, real_life.policy) for incident in chosen[:: len(chosen) // PURELY]]
    assert [life.fault for life in lives if life.fault] == []
    why = sum((life.why for life in lives), Counter[str]())
    assert why.keys() >= {"triage", "pend", "hold", "resolve", "reopen from resolved", "transfer", "assign"}
    assert why["closed by itself before the log's closing"] > 0
    outcomes = {(each.metric.value, each.outcome.value) for life in lives for each in life.verdicts.values()}
    assert outcomes >= {("resolution", "met"), ("resolution", "breached"), ("first_response", "met")}


async def test_whole_incidents_live_as_workflows_and_are_judged_alike(real_life: RealLife) -> None:
    """Those that end within weeks of the log's start: the server need not skip a whole year."""
    early = [each for each in real_life.incidents if each.ends_at - real_life.incidents[0].opened_at < 6 * WEEK]
    reopened = [each for each in early if each.is_reopened][: LIVE // 2]
    others = [each for each in choose(early, LIVE * 40, "live") if not each.is_reopened][::LIVE]
    lives = [play(each, real_life.policy) for each in (*reopened, *others[: LIVE - len(reopened)])]
    compared: list[Compared] = []

    def tell(progress: ReplayProgress) -> None:
        compared.extend(progress.compared)

    async with server(real_life.policy, LIVE) as replay:
        await replay.play(lives, tell)
    assert [(each.number, each.faults) for each in compared if not each.is_equal] == []
    assert len(compared) == LIVE
    assert sum(each.verdicts for each in compared) >= 2 * LIVE
