"""Every relative link, anchor and picture in the documentation leads to something that exists."""

import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("**/*.md")]
SERVICE_PAGES = [*(ROOT / "services").glob("**/README.md")]
MODULE = re.compile(r"`([\w/]+\.py)`")
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
ANCHOR = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)#([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} (.+?) *$", re.MULTILINE)
FENCED = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
LINKED = re.compile(r"\[([^]]*)\]\([^)]*\)")


@cache
def anchors(page: Path) -> set[str]:
    """What the headings of a page can be reached by, as the usual viewers make it of their words."""
    seen, found = Counter[str](), set[str]()
    for heading in HEADING.findall(FENCED.sub("", page.read_text())):
        words = LINKED.sub(r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


@pytest.mark.parametrize("page", [*PAGES, *SERVICE_PAGES], ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text()
    missing = [link for link in LINK.findall(text) if not (page.parent / link).exists()]
    assert missing == []
    for link, anchor in ANCHOR.findall(FENCED.sub("", text)):
        target = page.parent / link if link else page
        assert target.suffix != ".md" or anchor in anchors(target.resolve()), f"{link}#{anchor}"


@pytest.mark.parametrize("page", [*PAGES, *SERVICE_PAGES], ids=lambda page: str(page.relative_to(ROOT)))
def test_named_modules_exist(page: Path) -> None:
    missing = [
        name for name in MODULE.findall(page.read_text()) if not any(one.endswith(f"/{name}") for one in modules())
    ]
    assert missing == []


@cache
def modules() -> list[str]:
    """The path of every module of the project, with a slash before it."""
    folders = ("services", "shared", "workflows", "deploy", "tests")
    return [f"/{path.relative_to(ROOT)}" for folder in folders for path in (ROOT / folder).rglob("*.py")]


def test_the_readme_leads_to_every_guide() -> None:
    linked = set(LINK.findall((ROOT / "README.md").read_text()))
    guides = {f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")}
    assert guides <= linked, "name it in the README's table of documentation"


def test_the_readme_stays_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) < 220
