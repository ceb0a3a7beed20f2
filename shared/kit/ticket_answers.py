"""How much the answers to a ticket's fields may hold: each event and each page about the ticket carries all of them."""

from collections.abc import Mapping

MAX_ANSWERS_BYTES = 16 * 1024
"""All answers of one ticket together."""
TOO_MUCH = f"is too long: all fields together hold at most {MAX_ANSWERS_BYTES // 1024} KiB"


def size_of(answers: Mapping[str, object]) -> int:
    """The bytes that answers take up."""
    return sum(len(name.encode()) + len(str(answer).encode()) for name, answer in answers.items())


def longest_of(answers: Mapping[str, object]) -> str:
    """The field to shorten first."""
    return max(answers, key=lambda name: size_of({name: answers[name]}))
