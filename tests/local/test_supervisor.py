"""The one-command stack starts, survives, explains itself and leaves nothing behind."""

import asyncio
import os
import shutil
import signal
import socket
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from deploy.local import probe
from deploy.local.errors import LocalStackError
from deploy.local.state_folder import StateFolder
from tests.local.running import LocalStack, alive
from tests.support.eventually import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(open_folder_for_module: Path) -> AsyncIterator[LocalStack]:
    stack = LocalStack.in_folder(open_folder_for_module)
    await stack.start()
    yield stack
    await stack.stop()


async def test_the_stack_is_described_for_scripts_in_a_private_file(running: LocalStack) -> None:
    described = running.described()
    assert set(described) == {"urls", "ports", "pids", "credentials"}
    assert set(described["urls"]) == {"intake", "assignment", "notification", "mail", "temporal_ui"}
    applications = {"worker", "intake", "assignment", "notification", "mail_in"}
    assert set(described["pids"]) == applications | {"postgres", "nats", "temporal", "mail"}
    assert described["ports"]["intake"] == running.ports["INTAKE"]
    assert described["credentials"]["api_key"].startswith("hd_")
    assert [agent["role"] for agent in described["credentials"]["agents"]][-1] == "View only"
    assert _mode(running.state / "stack.json") == 0o600
    assert _mode(running.state / "secrets.json") == 0o600


async def test_every_service_is_told_what_the_contract_says_and_nothing_secret_by_argument(
    running: LocalStack,
) -> None:
    served = running.told("notification-serve")["env"]
    assert served["EVERDESK_DATABASE_URL"].startswith("postgresql+asyncpg://notification:")
    assert served["EVERDESK_SMTP_PORT"] == str(running.ports["MAIL_SMTP"])
    assert served["EVERDESK_PORTAL_URL"] == f"http://127.0.0.1:{running.ports['INTAKE']}"
    seeded = running.told("intake-migrate")
    assert seeded["env"]["EVERDESK_SEED_API_KEY"] == running.described()["credentials"]["api_key"]
    assert seeded["argv"][1:] == ["migrate", "seed"]
    assert "EVERDESK_SESSION_SECRET" in running.told("assignment-serve")["env"]
    assert "EVERDESK_SESSION_SECRET" not in served
    assert "EVERDESK_DATABASE_URL" not in running.told("worker-serve")["env"]


async def test_output_carries_the_speakers_name_and_goes_to_its_log_without_colours(
    running: LocalStack,
) -> None:
    running.said("intake       | intake serve speaking")
    assert "\x1b" not in running.text
    assert "intake serve speaking" in (running.state / "logs" / "intake.log").read_text()


@pytest.mark.parametrize("name", ["notification", "nats", "postgres"])
async def test_what_is_killed_comes_back_with_its_new_pid_in_the_description(running: LocalStack, name: str) -> None:
    before = running.described()["pids"][name]
    os.kill(before, signal.SIGKILL)

    def has_new_pid() -> None:
        assert running.described()["pids"].get(name, before) != before

    await eventually(has_new_pid)
    await eventually(lambda: running.said(f"{name} is ready again"))
    running.said(f"{name} ended (killed by signal 9); starting it again")


async def test_a_second_supervisor_of_the_same_state_is_refused(running: LocalStack) -> None:
    second = LocalStack(running.folder, running.ports)
    await second.launch()
    assert await second.ended() == 1
    assert f"already running from {running.state}" in " ".join(second.lines).replace("  ", " ")


async def test_migrating_works_beside_a_running_stack(running: LocalStack) -> None:
    other = LocalStack(running.folder, running.ports)
    await other.launch("--migrate")
    assert await other.ended() == 0
    other.said("notification-migrate is done")


async def test_migrating_works_without_a_running_stack(open_folder: Path) -> None:
    stack = LocalStack.in_folder(open_folder)
    await stack.launch("--migrate")
    assert await stack.ended() == 0
    stack.said("The databases are up to date")


async def test_a_taken_port_names_the_port_the_holder_and_the_setting(open_folder: Path) -> None:
    stack = LocalStack.in_folder(open_folder)
    with socket.create_server(("127.0.0.1", stack.ports["ASSIGNMENT"])):
        await stack.launch()
        assert await stack.ended() == 1
    said = " ".join(stack.text.split())
    assert f"Port {stack.ports['ASSIGNMENT']}, wanted for assignment, is taken" in said
    assert f"(process {os.getpid()})" in said
    assert "EVERDESK_ASSIGNMENT_PORT=" in said
    assert "Traceback" not in said


async def test_a_folder_that_cannot_be_written_is_explained(open_folder: Path) -> None:
    stack = LocalStack.in_folder(open_folder)
    stack.state.write_text("a file where the folder should be")
    await stack.launch()
    assert await stack.ended() == 1
    said = " ".join(stack.text.split())
    assert "cannot be written" in said
    assert "EVERDESK_HOME=" in said


async def test_a_full_disk_is_explained(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = shutil.disk_usage(open_folder)._replace(free=400_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    with pytest.raises(LocalStackError, match="Only 400 MB are free"):
        StateFolder(open_folder).check_space()


async def test_a_second_ctrl_c_kills_what_does_not_stop(open_folder: Path) -> None:
    stack = LocalStack.in_folder(open_folder)
    stack.make_stubborn("notification-serve")
    await stack.start()
    pids = stack.described()["pids"]
    assert stack.process is not None
    stack.process.send_signal(signal.SIGINT)
    await eventually(lambda: stack.said("Stopping"))
    await asyncio.sleep(1)  # a second request right after the first is the same key press, passed on by make
    stack.process.send_signal(signal.SIGINT)
    async with asyncio.timeout(5):
        await stack.ended()
    assert alive(pids) == []


async def test_a_failing_migration_ends_the_start_and_shows_its_last_words(open_folder: Path) -> None:
    stack = LocalStack.in_folder(open_folder)
    stack.fail("assignment-migrate")
    await stack.launch()
    assert await stack.ended() == 1
    stack.said("assignment-migrate failed (exit status 1)")
    stack.said("the stack cannot start")
    stack.said("nothing is left running")


async def test_a_killed_supervisor_takes_its_children_with_it_and_the_next_one_goes_on(
    open_folder: Path,
) -> None:
    stack = LocalStack.in_folder(open_folder)
    await stack.start()
    before = stack.described()
    assert stack.process is not None
    stack.process.kill()
    await stack.ended()

    def none_alive() -> None:
        assert alive(before["pids"]) == []

    await eventually(none_alive)
    await stack.start()
    after = stack.described()
    assert after["credentials"] == before["credentials"]
    assert after["ports"] == before["ports"]
    assert await stack.stop() == 0
    assert alive(after["pids"]) == []
    assert not await asyncio.to_thread((stack.state / "stack.json").exists)
    assert not await probe.accepts("127.0.0.1", after["ports"]["intake"])


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
