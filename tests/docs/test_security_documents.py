"""SECURITY.md and the ASVS checklist speak of every item, and of tests, files and settings that exist."""

import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHECKLIST = ROOT / "docs/asvs.md"
# Levels 1 and 2 of version 5.0.0: in each section its first items, by chapter and section.
ITEMS = {
    1: (2, 9, 11, 3, 2),
    2: (3, 3, 4, 1),
    3: (0, 2, 4, 6, 5, 0, 2),
    4: (3, 1, 2, 4),
    5: (1, 3, 2, 3),
    6: (3, 12, 4, 4, 5, 3, 0, 4),
    7: (3, 4, 2, 5, 2, 2),
    8: (2, 3, 1, 1),
    9: (3, 4),
    10: (2, 2, 4, 11, 5, 2, 3),
    11: (2, 3, 3, 4, 1, 1),
    12: (3, 2, 4),
    13: (1, 5, 2, 5),
    14: (2, 4, 3),
    15: (3, 3, 7),
    16: (1, 5, 4, 3, 3),
    17: (1, 4, 2),
}
ROW = re.compile(r"^\| (\d+\.\d+\.\d[^|]*)\|([^|]*)\|([^|]*)\|([^|]*)\|([^|]*)\|$", re.M)
ITEM = re.compile(r"(\d+)\.(\d+)\.(\d+)(?:-(\d+))?")
FILE = re.compile(r"`((?:tests|shared|services|deploy|docs)/[\w./-]+|requirements[\w.-]+)`")
SETTING = re.compile(r"EVERDESK_[A-Z_]+[A-Z]")


def test_every_item_of_levels_1_and_2_is_in_one_row() -> None:
    named = Counter[str]()
    for row in ROW.finditer(CHECKLIST.read_text()):
        for chapter, section, first, last in ITEM.findall(row[1]):
            named.update(f"{chapter}.{section}.{item}" for item in range(int(first), int(last or first) + 1))
    wanted = {
        f"{chapter}.{section}.{item}"
        for chapter, counts in ITEMS.items()
        for section, count in enumerate(counts, 1)
        for item in range(1, count + 1)
    }
    assert len(wanted) == 253
    assert set(named) == wanted
    assert [item for item, count in named.items() if count > 1] == []


def test_what_is_met_is_shown_and_what_is_not_has_a_reason() -> None:
    for row in ROW.finditer(CHECKLIST.read_text()):
        items, met, how, shown = (row[number].strip() for number in (1, 3, 4, 5))
        assert met in ("yes", "partly", "no", "n/a"), items
        assert how or met in ("yes", "n/a"), items
        assert how or shown or met == "n/a", items


@pytest.mark.parametrize("page", [CHECKLIST, ROOT / "SECURITY.md"], ids=lambda page: page.name)
def test_files_and_settings_that_are_named_exist(page: Path) -> None:
    text = page.read_text()
    named = FILE.findall(text)
    assert len(named) > 50
    assert [path for path in named if not (ROOT / path).exists()] == []
    settings = (ROOT / "docs/settings.md").read_text()
    assert [name for name in SETTING.findall(text) if f"`{name}`" not in settings] == []
