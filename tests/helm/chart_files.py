"""The chart's files, as the tests read them."""

import json
import re
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # a dependency of other tools, without types

CHART = Path(__file__).resolve().parents[2] / "deploy" / "helm" / "everdesk"
TEMPLATES = "\n".join(path.read_text() for path in sorted((CHART / "templates").glob("*")))
CI_FILES = sorted((CHART / "ci").glob("*-values.yaml"))
_FIXED = re.compile(r"\bEVERDESK_[A-Z0-9_]+\b")


def schema() -> dict[str, Any]:
    """What `values.schema.json` says."""
    found: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
    return found


def defaults() -> dict[str, Any]:
    """The values that a chart begins with."""
    return _mapping(CHART / "values.yaml")


def with_defaults(changes: dict[str, Any]) -> dict[str, Any]:
    """What Helm makes of the values that somebody gives: mappings are merged, all else is replaced."""
    return _merged(defaults(), changes)


def of_file(path: Path) -> dict[str, Any]:
    """The values that a file for the tests gives."""
    return _mapping(path)


def variables() -> set[str]:
    """The variables that the templates set."""
    return set(_FIXED.findall(TEMPLATES))


def _mapping(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text())
    return found


def _merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for name, value in changes.items():
        old = merged.get(name)
        merged[name] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged
