"""The report of runs: `docs/bench/chaos.json` keeps each run, `chaos.md` shows them all."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from tests.chaos.run.observations import AttemptKind
from tests.chaos.run.plan import FaultKind
from tests.chaos.run.session import ChaosOrder, ChaosResult, PlantResult
from tests.load import machine
from tests.load.report import FOLDER, Table

PLANTED = FOLDER / "chaos_plants.json"
KEPT = 20
SHOWN = 5
"""Violations of a run that the page names one by one; all of them are in the file beside it."""
METHOD = """\
One stack as `make run` starts it, each process on ways of its own to each engine, each engine on a disk of its own.
Eleven kinds of clients go on all the time (intake's API, files, portal, mail, alerts, agents' replies, notes and
commands, reading); what each hands in carries a marker. Faults come one after the other from the seed. A fault *hit* if
something was under way when it struck: a request of a client, a connection that broke, an acknowledgement that was
dropped and whose event came again, a service that said so on `/readyz`, a clock that was seen to be wrong, a command
between its intent and its answer, a mail between its acceptance and its record. At the end everything that was
acknowledged is looked for in the databases, mailboxes, files and pages; see [testing](../testing.md#chaos)."""


def record(result: ChaosResult) -> dict[str, Any]:
    """A run as it is kept."""
    outcomes, seen = result.outcomes, result.observed
    acknowledged = Counter(str(one.kind) for one in seen.attempts if one.is_acknowledged)
    return {
        "seed": result.asked.seed,
        "minutes": result.asked.minutes,
        "machine": machine.facts(),
        "faults": {
            str(kind): [outcomes.struck[kind], outcomes.hits[kind], outcomes.slowest_recovery.get(str(kind), 0.0)]
            for kind in FaultKind
        },
        "victims": {kind: dict(names) for kind, names in outcomes.victims.items()},
        "missing": {str(kind): why for kind, why in result.missing.items()},
        "windows": dict(outcomes.windows),
        "acknowledged": {str(kind): acknowledged[kind] for kind in AttemptKind},
        "unanswered": sum(not one.is_acknowledged for one in seen.attempts),
        "doors": dict(result.done),
        "mails": len(seen.mails),
        "doubled_mails": len(seen.mails) - len({mail.message_id for mail in seen.mails}),
        "checks_of_strangers": len(seen.door_checks),
        "slowest_answer": result.slowest_answer,
        "surprises": dict(result.surprises),
        "violations": [[str(one.invariant), one.what] for one in result.violations],
        "left": result.left,
        "unwell": outcomes.unwell,
        "never_hit": result.never_hit,
        "is_good": result.is_good,
    }


def keep(result: ChaosResult) -> None:
    """Adds the run to those that are kept, and writes the page anew."""
    file = FOLDER / "chaos.json"
    runs = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    runs = [*runs, record(result)][-KEPT:]
    file.write_text(json.dumps(runs, indent=1) + "\n", encoding="utf-8")
    (FOLDER / "chaos.md").write_text(page(runs), encoding="utf-8")


def keep_plants(asked: ChaosOrder, found: Sequence[PlantResult]) -> None:
    """Keeps which planted bugs the oracle found, and writes the page anew."""
    told = {
        "seed": asked.seed,
        "minutes": asked.minutes,
        "machine": machine.facts(),
        "plants": [[one.name, one.invariant, one.first] for one in found],
    }
    PLANTED.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    file = FOLDER / "chaos.json"
    if file.exists():
        runs = json.loads(file.read_text(encoding="utf-8"))
        (FOLDER / "chaos.md").write_text(page(runs), encoding="utf-8")


def _plants_table() -> list[str]:
    """The bugs planted into a running system, if that was done."""
    if not PLANTED.exists():
        return []
    told = json.loads(PLANTED.read_text(encoding="utf-8"))
    rows = [(name, invariant, "found" if first else "NOT FOUND") for name, invariant, first in told["plants"]]
    caption = f"Bugs planted into a running system after {told['minutes']:g} minutes of seed {told['seed']}"
    return [Table(f"{caption}, {told['machine']['date']}", ("bug", "invariant", "verdict"), rows).markdown()]


def page(runs: list[dict[str, Any]]) -> str:
    """All runs together."""
    facts = "; ".join(f"{name}: {value}" for name, value in runs[-1]["machine"].items())
    total = sum(run["minutes"] for run in runs)
    parts = [
        "# Chaos",
        f"Made by `make chaos`, {len(runs)} runs of {total:g} minutes in all. {facts}.",
        METHOD,
        _runs_table(runs).markdown(),
        _faults_table(runs).markdown(),
        _windows_table(runs).markdown(),
        _load_table(runs).markdown(),
        *_plants_table(),
        *_remarks(runs),
    ]
    return "\n\n".join(parts) + "\n"


def _runs_table(runs: list[dict[str, Any]]) -> Table:
    rows = [
        (
            run["seed"],
            float(run["minutes"]),
            sum(struck for struck, _, _ in run["faults"].values()),
            sum(hits for _, hits, _ in run["faults"].values()),
            sum(run["acknowledged"].values()),
            run["unanswered"],
            run["mails"],
            run["doubled_mails"],
            len(run["violations"]),
            "PASS" if run["is_good"] else "FAIL",
        )
        for run in runs
    ]
    columns = ("seed", "minutes", "faults", "hits", "acknowledged", "unanswered", "mails", "mails doubled")
    return Table("Runs", (*columns, "violations", "verdict"), rows)


def _faults_table(runs: list[dict[str, Any]]) -> Table:
    """Struck and hit over all runs, and the longest time until all was well again."""
    rows = []
    for kind in FaultKind:
        told = [run["faults"].get(str(kind), (0, 0, 0.0)) for run in runs]
        victims = {name for run in runs for name in run["victims"].get(str(kind), {})}
        rows.append(
            (
                str(kind),
                sum(one[0] for one in told),
                sum(one[1] for one in told),
                len(victims),
                max(one[2] for one in told) or None,
            )
        )
    return Table("Faults", ("fault", "struck", "hit", "different victims", "longest until all well, s"), rows)


def _windows_table(runs: list[dict[str, Any]]) -> Table:
    names = sorted({name for run in runs for name in run["windows"]})
    rows = [(name, sum(run["windows"].get(name, 0) for run in runs)) for name in names]
    return Table("Half done at a kill or a power cut", ("what", "times"), rows)


def _load_table(runs: list[dict[str, Any]]) -> Table:
    rows = [(str(kind), sum(run["acknowledged"].get(str(kind), 0) for run in runs)) for kind in AttemptKind]
    return Table("Acknowledged, and looked for afterwards", ("kind", "how many"), rows)


def _remarks(runs: list[dict[str, Any]]) -> list[str]:
    lines = []
    for run in runs:
        told = [f"{invariant}: {what}" for invariant, what in run["violations"]]
        told = [*told[:SHOWN], f"and {len(told) - SHOWN} more violations"] if len(told) > SHOWN else told
        told += [f"still under way at the end: {run['left']}"] * bool(run["left"])
        told += [f"not well again after {what}" for what in run["unwell"]]
        told += [f"never hit: {', '.join(run['never_hit'])}"] * bool(run["never_hit"])
        told += [f"not possible there: {kind}: {why}" for kind, why in run["missing"].items()]
        told += [run["note"]] if "note" in run else []
        lines += [f"- seed {run['seed']}: {what}" for what in told]
    return ["\n".join(lines)] if lines else []


def summary(result: ChaosResult) -> str:
    """For the terminal."""
    told = record(result)
    lines = [f"{kind:<42} struck {struck:>3}, hit {hits:>3}" for kind, (struck, hits, _) in told["faults"].items()]
    lines += [f"half done at a death: {name}: {times}" for name, times in told["windows"].items()]
    lines.append(f"acknowledged: {told['acknowledged']}; without an answer: {told['unanswered']}")
    lines.append(f"mails: {told['mails']}, sent twice: {told['doubled_mails']}; doors: {told['doors']}")
    lines += [f"unexpected ({times}): {what}" for what, times in result.surprises.items()]
    lines += [f"VIOLATION {one.invariant}: {one.what}" for one in result.violations]
    lines += [f"still under way: {result.left}"] * bool(result.left)
    lines += [f"not well again after {what}" for what in result.outcomes.unwell]
    lines += [f"never hit: {kind}" for kind in result.never_hit]
    lines += [f"not possible here: {kind}: {why}" for kind, why in result.missing.items()]
    lines.append(f"seed {result.asked.seed}: {'PASS' if result.is_good else 'FAIL'}")
    return "\n".join(lines)
