"""Where the text a person wrote ends and what they quoted or signed begins; in doubt, all of it is theirs."""

from dataclasses import dataclass

from shared.contracts.names import REPLY_DELIMITER


@dataclass(frozen=True, slots=True)
class Cut:
    """A text in two: together they are the whole."""

    visible: str
    quoted: str


def cut(text: str) -> Cut:
    """Parts a text. If nothing of their own would be left to see, everything is shown."""
    lines = text.split("\n")
    at = first_quoted_line(lines)
    visible, quoted = "\n".join(lines[:at]).strip("\n"), "\n".join(lines[at:]).strip("\n")
    return Cut(visible, quoted) if visible.strip() else Cut(text.strip("\n"), "")


def first_quoted_line(lines: list[str]) -> int:
    """The number of the line from which on nothing is the writer's own; the count of lines if there is none."""
    end = len(lines)
    for at, line in enumerate(lines):
        if REPLY_DELIMITER.casefold() in line.casefold() and not line.lstrip().startswith(">"):
            end = at
            break
    while end and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith(">")):
        end -= 1
    return end
