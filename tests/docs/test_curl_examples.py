"""Every `sh` block of the pages on the API is run against the real system, in order, and answered as it says."""

import asyncio
import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.local.running import CHECKOUT, LocalStack

DOCS = CHECKOUT / "docs"
PAGES = ("tutorial.md", "api.md", "topics-and-forms.md", "osticket.md", "alerts.md")
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ANSWERS = re.compile(r"^# answers ([0-9 ]+)$", re.MULTILINE)
SETTLED = """
settled() {{
  [ -n "${{TICKET:-}}" ] || return 0
  before=
  until now=$({curl} -fsS "$EVERDESK_INTAKE/v1/tickets/$TICKET" -H "Authorization: Bearer $EVERDESK_KEY") \\
    && [ "$now" = "$before" ] && ! echo "$now" | grep -q '"status":"new"'; do before=$now; sleep 2; done
}}
"""
"""A reader is slower than the bus: between two blocks, what the last one set in motion comes to rest."""
CURL = """#!/bin/sh
exec {curl} -sS -w '%{{stderr}}%{{http_code}}\\n' "$@" 2>>"$STATUSES"
"""


@dataclass(frozen=True, slots=True)
class ShellBlock:
    """What a reader would type, and the statuses the page says it is answered with."""

    line: int
    text: str

    @property
    def statuses(self) -> list[str] | None:
        """In the order of the calls; None where the page says nothing, and every call must succeed."""
        found = ANSWERS.search(self.text)
        return found[1].split() if found else None


def blocks_of(page: str) -> list[ShellBlock]:
    """The blocks of a page that exists."""
    text = (DOCS / page).read_text(encoding="utf-8") if (DOCS / page).exists() else ""
    return [ShellBlock(text.count("\n", 0, found.start()) + 2, found[1]) for found in BLOCK.finditer(text)]


async def run(*command: str, env: dict[str, str], cwd: Path = CHECKOUT) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=cwd, env=env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode(errors="replace")


@pytest.fixture(scope="module")
async def reader(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of somebody who follows the page: an address, two keys, and a curl that notes its statuses."""
    if (curl := shutil.which("curl")) is None:
        pytest.skip("there is no curl")
    folder = tmp_path_factory.mktemp("reader")
    shim = folder / "curl"
    shim.write_text(CURL.format(curl=curl))
    shim.chmod(0o755)
    command = folder / "everdesk"
    command.write_text(f"#!/bin/sh\nPYTHONPATH='{CHECKOUT}' exec '{sys.executable}' -m deploy.cli \"$@\"\n")
    command.chmod(0o755)
    env = {"PATH": f"{folder}:{os.environ['PATH']}", "HOME": str(folder), "LANG": "C.UTF-8"}
    env["EVERDESK_HOME"] = str(stack.state)
    status, said = await run(str(command), "api-keys", "create", "The reader", "--scope", "admin", env=env)
    assert status == 0, said
    described = stack.described()
    return env | {
        "EVERDESK_INTAKE": described["urls"]["intake"],
        "EVERDESK_KEY": described["credentials"]["api_key"],
        "EVERDESK_ADMIN_KEY": said.split()[-1],
    }


def script_of(blocks: list[ShellBlock]) -> str:
    """One shell for the whole page, as a reader has: what one block learns, the next may use."""
    noted = (f"settled\necho 'line {block.line}' >>\"$STATUSES\"\n{block.text}" for block in blocks)
    return "set -eo pipefail\n" + SETTLED.format(curl=shutil.which("curl")) + "".join(noted)


def answers_in(noted: Path) -> dict[int, list[str]]:
    """The statuses each block was answered with, by its line."""
    parts = [part.split("\n") for part in noted.read_text().split("line ")[1:]]
    return {int(line): [word for word in rest if word.isdigit()] for line, *rest in parts}


@pytest.mark.parametrize("page", PAGES)
async def test_every_block_works_as_the_page_says(reader: dict[str, str], tmp_path: Path, page: str) -> None:
    blocks, statuses = blocks_of(page), tmp_path / "statuses"
    status, said = await run("bash", "-c", script_of(blocks), env=reader | {"STATUSES": str(statuses)}, cwd=tmp_path)
    answered = answers_in(statuses) if blocks else {}
    assert status == 0, f"{page}, line {max(answered)}: {answered[max(answered)]}\n{said}"
    for block in blocks:
        found = answered[block.line]
        if block.statuses is None:
            assert all(word.startswith("2") for word in found), f"{page}, line {block.line}: {found}"
        else:
            assert found == block.statuses, f"{page}, line {block.line}: {found}\n{said}"
