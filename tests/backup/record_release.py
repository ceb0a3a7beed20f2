"""Records what a release wrote, with tickets under way: `python -m tests.backup.record_release 0.1.0 COMMIT`.

It starts that commit's own code, works a few tickets, backs them up with today's command, and packs that into
`tests/backup/releases/`. The upgrade tests bring it up to date and go on with its tickets. Record each release once,
when it is made; never record an old one again, for what its users have does not change either.
"""

import asyncio
import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from temporalio.client import Client

from deploy.cli.backup import dumps
from deploy.cli.backup.manifest import MANIFEST, read_manifest
from deploy.local.engines.ports import find_free_port
from deploy.local.running_stack import RunningStack
from deploy.local.stack_secrets import load_or_create
from tests.backup.releases import RELEASES, Release
from tests.local.running import CHECKOUT
from tests.support.api import Api, Json, SystemClients, status_is
from tests.support.eventually import eventually

PORTS = ("INTAKE", "ASSIGNMENT", "NOTIFICATION", "MAIL_IN", "MAIL_SMTP", "MAIL", "TEMPORAL_UI")
REPLY_KEY = "a-reply-of-the-release"
SUBMIT_KEY = "a-ticket-of-the-release"


async def record(version: str, commit: str) -> None:
    """Writes the release's archive."""
    with _folder() as folder:
        await asyncio.to_thread(_check_out, commit, folder / "code")
        environment = _environment(folder)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "deploy.local"), cwd=folder / "code", env=environment, stdout=subprocess.DEVNULL
        )
        try:
            stack = folder / "state" / "stack.json"
            await eventually(stack.is_file, within=120)
            facts = await work(SystemClients(json.loads(stack.read_text())))
            backup = folder / "backup"
            await _back_up(folder, environment, backup)
            await _save_histories(folder, facts["tickets"].values(), backup / "histories")
        finally:
            process.send_signal(signal.SIGINT)
            await process.wait()
        facts |= {"commit": commit, "version": version}
        (backup / "facts.json").write_text(json.dumps(facts, indent=2))
        _pack(backup, Release(version).archive)


async def work(system: SystemClients) -> Json:
    """Tickets in every state that waits for something."""
    await eventually(lambda: system.sign_in("ada@everdesk.example"), within=60)
    ada = await system.sign_in("ada@everdesk.example")
    body = {
        "requester": {"email": "old@bank.example", "name": "Olga Old"},
        "subject": "Of the release",
        "body": "Login returns 502.",
        "body_format": "text",
        "topic": "online-banking",
    }
    first = await system.intake.post("/v1/tickets", body, expect=201, **{"Idempotency-Key": SUBMIT_KEY})
    tickets = {"waiting": str(first["id"])}
    for name in ("answered", "pending", "on_hold", "resolved", "closed"):
        tickets[name] = str((await system.submit(f"To be {name}", f"{name}@bank.example"))["id"])
    for ticket_id in tickets.values():
        await eventually(partial(_assigned, ada, ticket_id), within=60)
    reply = {"body": "We are on it.", "body_format": "text"}
    path = f"/v1/tickets/{tickets['answered']}"
    answer = await ada.post(f"{path}/replies", reply, expect=None, **{"Idempotency-Key": REPLY_KEY})
    await ada.post(f"{path}/notes", {"body": "A note.", "body_format": "text"})
    await system.intake.post(f"{path}/messages", {"body": "Still down for me.", "body_format": "text"})
    await ada.post(f"/v1/tickets/{tickets['pending']}/pend")
    await ada.post(f"/v1/tickets/{tickets['on_hold']}/hold", {"reason": "vendor"})
    for name in ("resolved", "closed"):
        await ada.post(f"/v1/tickets/{tickets[name]}/replies", reply)
        await ada.post(f"/v1/tickets/{tickets[name]}/resolve")
    await ada.post(f"/v1/tickets/{tickets['closed']}/close", {"reason": "resolved"})
    for name in ("pending", "on_hold", "resolved", "closed"):
        await status_is(ada, tickets[name], name)
    return {"tickets": tickets, "submitted": body, "reply": reply, "answer": answer}


async def _assigned(ada: Api, ticket_id: str) -> None:
    assert (await ada.get(f"/v1/tickets/{ticket_id}")).get("assignee_id")


@contextmanager
def _folder() -> Iterator[Path]:
    """One that PostgreSQL's own account may pass through."""
    with tempfile.TemporaryDirectory(prefix="everdesk-release-") as name:
        Path(name).chmod(0o711)
        yield Path(name)


def _check_out(commit: str, to: Path) -> None:
    to.mkdir()
    packed = subprocess.run(["git", "archive", commit], cwd=CHECKOUT, check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", str(to)], input=packed, check=True)


def _environment(folder: Path) -> dict[str, str]:
    taken: set[int] = set()
    for _ in PORTS:
        taken.add(find_free_port(taken=frozenset(taken)))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("EVERDESK_")}
    environment |= {f"EVERDESK_{name}_PORT": str(port) for name, port in zip(PORTS, sorted(taken), strict=True)}
    return environment | {"EVERDESK_HOME": str(folder / "state")}


async def _back_up(folder: Path, environment: dict[str, str], backup: Path) -> None:
    """By today's command; then without compression, so that the whole compresses better."""
    command = (sys.executable, "-m", "deploy.cli", "backup", "create", str(backup))
    done = await asyncio.create_subprocess_exec(*command, cwd=CHECKOUT, env=environment)
    assert await done.wait() == 0
    ports = RunningStack.load(folder / "state").ports
    passwords = load_or_create(folder / "state" / "secrets.json").database_passwords
    for name, saved in read_manifest(backup).databases.items():
        url = f"postgresql://{name}:{passwords[name]}@127.0.0.1:{ports['postgres']}/{name}"
        await dumps.dump(url, None, backup / saved.file, compression="none")


async def _save_histories(folder: Path, ticket_ids: Iterable[str], to: Path) -> None:
    """As Temporal gives them: for replaying without a server."""
    await asyncio.to_thread(to.mkdir)
    client = await Client.connect(f"127.0.0.1:{RunningStack.load(folder / 'state').ports['temporal']}")
    for ticket_id in ticket_ids:
        history = await client.get_workflow_handle(f"ticket-{ticket_id}").fetch_history()
        (to / f"{ticket_id}.json").write_text(history.to_json())


def _pack(backup: Path, archive: Path) -> None:
    packed = backup / "temporal" / "temporal.db.gz"
    with gzip.open(packed) as source, packed.with_suffix("").open("wb") as target:
        shutil.copyfileobj(source, target)
    packed.unlink()
    assert (backup / MANIFEST).is_file()
    archive.parent.mkdir(exist_ok=True)
    with tarfile.open(archive, "w:xz", preset=9) as target_file:
        for path in sorted(backup.rglob("*")):
            if path.is_file():
                target_file.add(path, str(path.relative_to(backup)))


if __name__ == "__main__":
    RELEASES.mkdir(exist_ok=True)
    asyncio.run(record(*sys.argv[1:3]))
