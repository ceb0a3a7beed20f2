"""`make replay`: the whole incident log through the pure rules, then whole incidents as real workflows."""

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import timedelta

from shared.contracts.policies import PolicySnapshot
from shared.kit.clock import utc_now
from tests.replay.incident_log import Incident, NoLog, read, weeks_until
from tests.replay.parallel import play_live, play_purely, side_by_side
from tests.replay.policy import policy_from
from tests.replay.progress_table import Board
from tests.replay.pure import PlayedIncident
from tests.replay.report import Setting, report_of
from tests.replay.sampling import choose
from tests.replay.totals import Tally

AHEAD = timedelta(hours=1)
"""The servers start at the machine's time, after run (a); the first incident must still lie ahead of them."""
PROCESSES = 2
"""On two busy cores 134 incidents took 53 s on one server, 44 and 49 s on two, 45 s on three."""


def main() -> int:
    """The exit status: 0 if every verdict is equal."""
    asked = arguments()
    try:
        log = read()
    except NoLog as missing:
        print(missing, file=sys.stderr)
        return 2
    first = min(incident.opened_at for incident in log)
    shift = weeks_until(first, utc_now() + AHEAD)
    policy = policy_from(first + shift)
    incidents = [incident.shifted(shift) for incident in log]
    chosen = choose(incidents, asked.incidents, asked.seed)
    print(f"{len(incidents)} incidents, shifted by {shift.days // 7} weeks; {len(chosen)} as real workflows\n")

    pure, lives = run_purely(incidents, {each.number for each in chosen}, policy, asked.processes)
    live = None if asked.pure_only else run_live(lives, policy, asked.processes)
    late = sum(row.is_late for incident in incidents for row in incident.rows)
    reopened = sum(incident.is_reopened for incident in chosen)
    report = report_of(pure, live, Setting(shift, asked.processes, late, reopened))
    if asked.keep:
        report.publish()
    else:
        print(f"\n{report.markdown()}")
    return 0 if report.is_met else 1


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(prog="make replay", description=__doc__)
    parser.add_argument(
        "--incidents", type=int, default=1000, help="real workflows, every reopened incident among them"
    )
    parser.add_argument("--seed", default="everdesk", help="draws the incidents that were not reopened")
    parser.add_argument("--pure-only", action="store_true", help="no real workflows; the report is not kept")
    parser.add_argument("--processes", type=int, default=PROCESSES, help="side by side, each with a server of its own")
    parser.add_argument("--no-keep", dest="keep", action="store_false", help="print the report, but do not keep it")
    asked = parser.parse_args()
    asked.keep = asked.keep and not asked.pure_only
    return asked


def run_purely(
    incidents: Sequence[Incident], chosen: set[str], policy: PolicySnapshot, processes: int
) -> tuple[Tally, list[PlayedIncident]]:
    """Run (a), and the lives that run (b) is to live."""
    tally = Tally(of=len(incidents))
    board = Board("pure", tally)
    board.head()
    kept: list[PlayedIncident] = []
    for told in side_by_side(play_purely, incidents, policy, processes):
        tally.add_lives(told.what)
        kept += [life for life in told.what if life.incident.number in chosen]
        board.show()
    board.show(is_last=True)
    return tally, sorted(kept, key=lambda life: life.incident.number)


def run_live(lives: Sequence[PlayedIncident], policy: PolicySnapshot, processes: int) -> Tally:
    """Run (b)."""
    tally = Tally(of=len(lives), deeds_planned=sum(len(life.deeds) + 1 for life in lives))
    board = Board("live", tally)
    board.head()
    for told in side_by_side(play_live, lives, policy, processes):
        tally.add_progress(told.process, told.what)
        board.show()
    board.show(is_last=True)
    return tally


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)
