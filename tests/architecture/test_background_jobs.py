"""No job may exist only once: each that is started is in the table of `docs/scaling.md`, with who takes it over."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STARTING = {
    "services/intake/app.py": "intake",
    "services/intake/mail/app.py": "mail-in",
    "services/intake/mail/transports/imap_watcher.py": "mail-in",
    "services/assignment/app.py": "assignment",
    "services/notification/app.py": "notification",
    "workflows/worker.py": "worker",
}
"""The modules that may start background jobs, and the process each belongs to."""
STARTERS = frozenset({"background", "run_by_one"})
KIT = ("shared/kit/processes.py", "shared/kit/leadership.py")
_ROW = re.compile(r"^\| `([^`]+)` \| ([a-z, -]+) \| (.+?) \| (.+?) \|$", re.MULTILINE)


def product_files() -> Iterator[str]:
    for folder in ("services", "shared", "workflows"):
        yield from (str(path.relative_to(ROOT)) for path in (ROOT / folder).rglob("*.py"))


def calls_a_starter(tree: ast.Module) -> bool:
    called = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    return any(isinstance(one, ast.Name) and one.id in STARTERS for one in called)


def started_in(tree: ast.Module) -> set[str]:
    """Keys of the mappings of jobs: string literals whose value can be run, and what is added to such a mapping."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            names |= {_name_of(key) for key, value in zip(node.keys, node.values, strict=True) if _is_job(value)}
        if isinstance(node, ast.DictComp) and _is_job(node.value):
            names.add(_name_of(node.key))
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript) and _is_job(node.value):
            names.add(_name_of(node.targets[0].slice))
    return names - {""}


def _is_job(value: ast.expr) -> bool:
    """A function without arguments: a lambda, a partial of one that runs for ever, a bound `run`."""
    if isinstance(value, ast.Attribute):
        return value.attr.startswith("run")
    if isinstance(value, ast.Call):
        return isinstance(value.func, ast.Name) and value.func.id in {"partial", "run_by_one"}
    return isinstance(value, ast.Lambda) or (isinstance(value, ast.Name) and value.id in {"keeping"})


def _name_of(key: ast.expr | None) -> str:
    if isinstance(key, ast.Constant):
        return str(key.value)
    if isinstance(key, ast.JoinedStr) and isinstance(key.values[0], ast.Constant):
        return str(key.values[0].value).rstrip(":")
    return ""


def described() -> dict[str, set[str]]:
    """The processes of each job in the table."""
    rows = _ROW.findall((ROOT / "docs/scaling.md").read_text())
    return {name: {one.strip() for one in processes.split(",")} for name, processes, _how, _within in rows}


def test_only_known_modules_start_background_jobs() -> None:
    starting = {name for name in product_files() if calls_a_starter(ast.parse((ROOT / name).read_text()))}
    assert starting - set(KIT) == set(STARTING)


def test_every_background_job_is_in_the_table_of_scaling() -> None:
    table = described()
    missing = {
        f"{process}: {job}"
        for module, process in STARTING.items()
        for job in started_in(ast.parse((ROOT / module).read_text()))
        if process not in table.get(job, set()) and job not in NOT_JOBS
    }
    assert not missing, f"say in docs/scaling.md how these are done one at a time, and taken over: {missing}"


NOT_JOBS = frozenset(
    {"outbox", "bus", "mails", "stream", "temporal", "smtp", "notifications", "queue", "failing", "tickets"}
)
"""Keys of checks and measures, which are asked for by whoever looks."""


def test_a_job_outside_the_table_is_found() -> None:
    module = ast.parse('jobs = {"relay": relay.run, "new": partial(keep, 1)}\njobs["later"] = lambda: go()')
    assert started_in(module) == {"relay", "new", "later"}
