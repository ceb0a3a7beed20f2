"""Each process loads what it works with and no more: what is loaded costs start-up time, memory and attack surface."""

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {
    "EVERDESK_LINK_SECRET": "x" * 32,
    "EVERDESK_SESSION_SECRET": "x" * 32,
    "EVERDESK_DATABASE_URL": "postgresql+asyncpg://nobody@127.0.0.1:1/nothing",
}
DATABASE = frozenset({"sqlalchemy", "asyncpg", "alembic"})
PAGES = frozenset({"jinja2", "markdown_it", "nh3"})
SERVER = frozenset({"fastapi", "starlette", "uvicorn"})


class Process(NamedTuple):
    """What a process starts with, what it works with, and what it may not load."""

    start: str
    works_with: frozenset[str]
    may_not_load: frozenset[str]


def command(service: str, *words: str) -> str:
    """Runs a command of a service's process, which tells its usage and ends."""
    main = f"services.{service}.main"
    return f"""
import contextlib, io, sys
sys.argv = {[main, *words, "--help"]!r}
from {main} import main
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
    main()"""


PROCESSES = {
    # Publishes and consumes for the workflows; its health page needs no framework, and nobody reads anything it shows.
    "worker": Process(
        "from workflows.worker import WorkerSettings, health_app; health_app(WorkerSettings())",
        frozenset({"temporalio", "nats"}),
        DATABASE | PAGES | {"fastapi", "httpx2", "obstore"},
    ),
    # Learns of tickets from events alone; migrations run before it; mails link to files and hold none.
    "notification": Process(
        "from services.notification.app import build; from services.notification.settings import NotificationSettings;"
        "build(NotificationSettings())",
        frozenset({"sqlalchemy", "nats", "jinja2"}),
        frozenset({"temporalio", "alembic", "obstore", "holidays"}),
    ),
    # Keeps and reads mails; tickets open by events, so it never speaks to a workflow, and it renders no page.
    "mail in": Process(
        "from services.intake.mail.app import build; from services.intake.mail.settings import MailSettings;"
        "build(MailSettings())",
        frozenset({"sqlalchemy", "aiosmtpd", "obstore"}),
        frozenset({"temporalio", "alembic", "jinja2", "holidays"}),
    ),
    # Temporal is loaded: requesters close and reopen their tickets here, and see at once whether the workflow agreed.
    "intake": Process(
        "from services.intake.app import build; from services.intake.settings import IntakeSettings;"
        "build(IntakeSettings())",
        frozenset({"sqlalchemy", "nats", "jinja2", "obstore", "temporalio"}),
        frozenset({"alembic", "holidays", "aiosmtplib"}),
    ),
    # Sends agents' commands to the workflows; files and mails are other services' business.
    "assignment": Process(
        "from services.assignment.app import build; from services.assignment.settings import AssignmentSettings;"
        "build(AssignmentSettings())",
        frozenset({"sqlalchemy", "nats", "jinja2", "temporalio"}),
        frozenset({"alembic", "obstore", "aiosmtplib", "aiosmtpd"}),
    ),
    # Commands answer an operator who waits; migrating, each service does before it starts.
    "assignment's commands": Process(
        "import services.assignment.main",
        frozenset({"pydantic_settings"}),
        DATABASE | PAGES | SERVER | {"temporalio", "nats", "obstore", "httpx2"},
    ),
    "intake's commands": Process(
        "import services.intake.main",
        frozenset({"pydantic_settings"}),
        DATABASE | PAGES | {"fastapi", "uvicorn", "temporalio", "nats", "obstore", "httpx2"},
    ),
    "notification's commands": Process(
        "import services.notification.main",
        frozenset({"pydantic_settings"}),
        DATABASE | PAGES | SERVER | {"temporalio", "nats", "obstore", "httpx2"},
    ),
    "seed and setup-link": Process(
        "import services.assignment.cli",
        frozenset({"sqlalchemy"}),
        PAGES | {"fastapi", "uvicorn", "temporalio", "alembic", "obstore", "httpx2"},
    ),
    "read-model": Process(
        command("assignment", "read-model"),
        frozenset({"sqlalchemy"}),
        PAGES | {"fastapi", "uvicorn", "temporalio", "alembic", "obstore", "httpx2"},
    ),
    "account": Process(
        command("assignment", "account"),
        frozenset({"sqlalchemy"}),
        frozenset({"fastapi", "jinja2", "alembic", "obstore"}),
    ),
    "create-key": Process(
        command("intake", "create-key"),
        frozenset({"sqlalchemy"}),
        PAGES | {"uvicorn", "temporalio", "nats", "alembic", "obstore", "httpx2"},
    ),
    "find-requester": Process(
        command("intake", "find-requester"),
        frozenset({"sqlalchemy"}),
        PAGES | {"uvicorn", "temporalio", "alembic", "httpx2"},
    ),
    # The processes that read foreign input for others, one start for many inputs, and hold no connection to anything.
    "what-if": Process(
        "import services.assignment.sla_analysis.what_if_worker",
        frozenset({"sqlalchemy"}),
        PAGES | {"temporalio", "nats", "alembic", "obstore"},
    ),
    "mail reader": Process(
        "import services.intake.mail.parsing.parser_worker",
        frozenset({"nh3"}),
        DATABASE | SERVER | {"temporalio", "nats", "jinja2", "httpx2"},
    ),
    "body renderer": Process(
        "import shared.kit.user_content.render_worker",
        frozenset({"markdown_it", "nh3"}),
        DATABASE | SERVER | {"temporalio", "nats", "jinja2", "httpx2"},
    ),
    "holiday feed reader": Process(
        "import services.assignment.holiday_feed.__main__",
        frozenset({"icalendar"}),
        DATABASE | SERVER | PAGES | {"temporalio", "nats", "httpx2"},
    ),
}


def loaded_by(start: str, storage: Path) -> set[str]:
    """The top-level names a fresh interpreter has imported after this start."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EVERDESK_")}
    code = f"{start}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=kept | ENVIRONMENT | {"EVERDESK_STORAGE_URL": str(storage)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(ran.stdout.split())


@pytest.mark.parametrize("name", PROCESSES)
def test_a_process_loads_what_it_works_with_and_no_more(name: str, tmp_path: Path) -> None:
    process = PROCESSES[name]
    loaded = loaded_by(process.start, tmp_path)
    assert process.works_with <= loaded
    assert not process.may_not_load & loaded


def test_what_hands_tests_out_loads_nothing_of_the_product(tmp_path: Path) -> None:
    """It reads the conftests of a room before it starts the processes that test, which wait meanwhile."""
    rooms = [ROOT / "tests" / name for name in ("kit", "workflows", "services")]
    conftests = [ROOT / "tests/conftest.py", *(path for room in rooms for path in room.rglob("conftest.py"))]
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in conftests]
    product = DATABASE | PAGES | SERVER | {"temporalio", "nats", "services", "shared", "workflows", "deploy"}
    assert not product & loaded_by(f"import {', '.join(names)}", tmp_path)
