"""docker-compose.yml and its companions read as text: PyYAML is not among what we install."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
CONSOLES = (ROOT / "deploy" / "compose" / "consoles.yml").read_text(encoding="utf-8")
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")

_VARIABLE = re.compile(r"\$\{(?P<name>[A-Z_]+)(?::-(?P<default>[^}]*)|:\?(?P<missing>[^}]*))?\}")
_PASSED_ON = re.compile(r"^ +([A-Z_]+):$", re.MULTILINE)
_SET = re.compile(r"^ +([A-Z_]+): (.+)$", re.MULTILINE)
_SETTING = re.compile(r"^#?([A-Z_]+)=(.*)$", re.MULTILINE)


def without_comments(text: str) -> str:
    return re.sub(r"^[ \t]*#.*\n", "", text, flags=re.MULTILINE)


def variables() -> dict[str, str | None]:
    """Every variable docker-compose.yml reads, with its default; None for one that must be given."""
    text = without_comments(COMPOSE + CONSOLES)
    found = {use["name"]: use["default"] for use in _VARIABLE.finditer(text)}
    return found | dict.fromkeys(_PASSED_ON.findall(text), "")


def passed_on() -> set[str]:
    """Variables that a container gets as .env has them, and not at all where it does not."""
    return set(_PASSED_ON.findall(without_comments(COMPOSE)))


def required() -> set[str]:
    return {use["name"] for use in _VARIABLE.finditer(without_comments(COMPOSE)) if use["missing"] is not None}


def messages() -> list[tuple[str, str]]:
    """What compose says about each required variable that is missing."""
    return [(use["name"], use["missing"]) for use in _VARIABLE.finditer(COMPOSE) if use["missing"] is not None]


def documented() -> dict[str, str]:
    """The settings of .env.example, commented out or not, with their values."""
    return dict(_SETTING.findall(EXAMPLE))


def environment() -> list[tuple[str, str]]:
    """Every environment variable that is given to a container, with what it is set to."""
    return _SET.findall(without_comments(COMPOSE))


def services() -> dict[str, str]:
    """Name → the text of its block."""
    text = without_comments(COMPOSE).split("\nservices:\n", 1)[1].split("\nnetworks:\n", 1)[0]
    parts = re.split(r"^  ([a-z-]+):$", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))
