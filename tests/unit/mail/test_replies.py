"""What remains of an answer when quotes and signature are cut, as three other projects expect it."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from services.intake.mail.parsing.quotes import Cut, cut
from tests.unit.mail.sample_mails import REPLIES, expectations, need

EXPECTED = expectations(REPLIES / "expected.jsonl")
AT_LEAST = 0.85
JUDGED_DIFFERENTLY = {
    "willdurand/email_7.txt": "a line without > inside a quote may be an answer: all of it is shown",
    "willdurand/email_8.txt": "a line without > inside a quote may be an answer: all of it is shown",
    "willdurand/email_15.txt": "text below `Sent from my phone` may be the writer's own: it is shown",
}


def parted(expected: dict[str, Any]) -> tuple[str, Cut]:
    text = need(REPLIES / expected["file"]).read_text(encoding="utf-8").replace("\r\n", "\n")
    for name, value in expected.get("substitute", {}).items():
        text = text.replace(name, value)
    return text, cut(text)


def failures(expected: dict[str, Any]) -> list[str]:
    """What of an expectation is not met."""
    _, found = parted(expected)
    visible = found.visible.strip()
    wrong = [f"shows {visible!r}"] if visible != expected.get("visible", visible).strip() else []
    wrong += ["begins otherwise"] if not visible.startswith(expected.get("visible_starts", "")) else []
    wrong += [f"lacks {one!r}" for one in expected.get("visible_contains", []) if one not in visible]
    wrong += [f"shows {one!r}" for one in expected.get("visible_not_contains", []) if one in visible]
    wrong += [f"hides no {one!r}" for one in expected.get("hidden_contains", []) if one not in found.quoted]
    wrong += ["is cut"] if expected.get("fragments") == 1 and found.quoted else []
    return wrong


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda expected: str(expected["file"]))
def test_an_expectation_is_met_or_judged_differently(expected: dict[str, Any]) -> None:
    assert bool(failures(expected)) == (expected["file"] in JUDGED_DIFFERENTLY)


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda expected: str(expected["file"]))
def test_nothing_of_an_answer_is_lost(expected: dict[str, Any]) -> None:
    text, found = parted(expected)
    lines = [line for line in text.split("\n") if line.strip()]
    assert [line for line in f"{found.visible}\n{found.quoted}".split("\n") if line.strip()] == lines


def test_each_source_is_met(record_property: Callable[[str, object], None]) -> None:
    need(REPLIES)
    asked = Counter(expected["source"] for expected in EXPECTED)
    met = Counter(expected["source"] for expected in EXPECTED if not failures(expected))
    scores = {source: met[source] / asked[source] for source in asked}
    said = ", ".join(f"{source} {met[source]} of {asked[source]}" for source in sorted(asked))
    print(f"replies met: {said}")
    record_property("summary", f"replies met: {said}")
    assert asked.total() == 81
    assert min(scores.values()) >= AT_LEAST
