"""What the guides tell a reader to type exists: targets of make, commands of everdesk, settings, and routes."""

import re
import shlex
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from deploy.cli.app import build_app
from deploy.local.settings import LocalSettings
from services.intake import app as intake_app
from services.intake.settings import IntakeSettings
from services.notification import app as notification_app
from services.notification.settings import NotificationSettings

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES += sorted((ROOT / "docs/runbooks").glob("*.md"))
CODE = re.compile(r"^ *```\w*\n(.*?)^ *```$|`([^`\n]+)`", re.MULTILINE | re.DOTALL)
TARGET = re.compile(r"(?:^|[ (`$;|&])make ([a-z][a-z-]*)")
SETTING = re.compile(r"(?<![$\w{])EVERDESK_[A-Z][A-Z0-9_]*[A-Z0-9]\b(?![_*…])")
PREFIX = re.compile(r"env_prefix=\"(EVERDESK_\w*_)\"")
FIELD = re.compile(r"^    (\w+): ", re.MULTILINE)
COMMAND = re.compile(
    r"^ *(?:docker compose exec (?:-T )?\S+ |kubectl .+ -- )?everdesk ([a-z-][^|#&;\n\]]*)", re.MULTILINE
)
ROUTE = re.compile(r"\b(?:GET|POST|PUT|PATCH|DELETE) (/v1/(?:[\w/<>:.-]|\{[^}]*\})*)")
PLACE = re.compile(r"\{[^}]*\}|<[^>]*>")
SOURCES = ("shared", "services", "workflows", "deploy", "tests")


def code_in(page: Path) -> list[str]:
    """Blocks and spans of code."""
    return [block or span for block, span in CODE.findall(page.read_text(encoding="utf-8"))]


@cache
def known_settings() -> set[str]:
    """Every variable that any file of ours reads, sets or declares as a field."""
    files = [
        path for folder in SOURCES for path in (ROOT / folder).rglob("*") if path.suffix in (".py", ".yaml", ".sh")
    ]
    files += [ROOT / "docker-compose.yml", ROOT / ".env.example", ROOT / "docs/settings.md"]
    texts = [path.read_text(encoding="utf-8") for path in files]
    fields = {f"EVERDESK_{name.upper()}" for name in LocalSettings.model_fields}
    for text in texts:
        for prefix in PREFIX.findall(text):
            fields |= {f"{prefix}{name.upper()}" for name in FIELD.findall(text)}
    return fields | {name for text in texts for name in SETTING.findall(text)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_page_names_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    code = code_in(page)
    assert {name for text in code for name in TARGET.findall(text)} <= targets
    assert {name for text in code for name in SETTING.findall(text)} - known_settings() == set()
    for text in code:
        for line in COMMAND.findall(text.replace("\\\n", " ")):
            follow(line)


def test_routes_that_pages_name_exist() -> None:
    patterns = [re.compile(PLACE.sub("[^/]+", path)) for path in routes()]
    named = {(page.name, path) for page in PAGES for text in code_in(page) for path in ROUTE.findall(text)}
    whole = {(page, PLACE.sub("x", path.rstrip(".:"))) for page, path in named if not path.endswith("/")}
    assert {one for one in whole if not any(pattern.fullmatch(one[1]) for pattern in patterns)} == set()


def routes() -> set[str]:
    """Paths of the three services: assignment's are in the table of permissions, which is made of its routes."""
    listed = (ROOT / "docs/permissions.md").read_text(encoding="utf-8")
    settings = {"database_url": "postgresql+asyncpg://nobody@127.0.0.1:1/none", "link_secret": "x" * 32}
    apps = (
        intake_app.build(IntakeSettings.model_validate(settings)),
        notification_app.build(NotificationSettings.model_validate(settings)),
    )
    return {*ROUTE.findall(listed), *(path for built in apps for path in built.openapi()["paths"])}


def follow(line: str) -> None:
    """Goes from word to word to a command. Raises AssertionError where one of them does not exist."""
    command: Any = typer.main.get_command(build_app())
    words = shlex.split(line.replace("'", ""), comments=True)
    while words and hasattr(command, "commands"):
        if not re.fullmatch(r"[a-z][a-z-]*", words[0]):
            return  # a placeholder, or a choice of several
        assert words[0] in command.commands, line
        command, words = command.commands[words[0]], words[1:]
    known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    assert {word.strip("[]").split("=")[0] for word in words if word.startswith("--")} <= known, line


def test_figures_of_the_page_on_capacity_stand_in_their_sources() -> None:
    rows = re.findall(
        r"^\| [^|]+ \| ([^|]+) \| \[[^]]+\]\(([^)]+)\) \|$", (ROOT / "docs/capacity.md").read_text(), re.MULTILINE
    )
    assert len(rows) > 10
    for figures, source in rows:
        text = (ROOT / "docs" / source).read_text()
        assert [one for one in figures.split("; ") if one.strip() not in text] == [], source
