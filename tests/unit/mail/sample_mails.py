"""Mails for tests: written short, and the corpus of real and hostile ones."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

DATA = Path(os.environ.get("EVERDESK_TEST_DATA", Path(__file__).parents[4] / "shared" / "data"))
CORPUS = DATA / "mail"
REPLIES = DATA / "replies"


def corpus() -> list[Path]:
    """Every raw mail of the corpus; none if it is not there."""
    return sorted(
        path for path in CORPUS.rglob("*") if path.is_file() and path.suffix in (".eml", "") and path.name[0] != "."
    )


def need(path: Path) -> Path:
    """A file of the data. Without it: skipped here, failed where CI says so."""
    if not path.exists():
        if os.environ.get("CI") == "true":
            pytest.fail(f"{path} is missing")
        pytest.skip(f"{path} is missing: set EVERDESK_TEST_DATA to the folder that holds the data")
    return path


def expectations(path: Path) -> list[dict[str, Any]]:
    """The lines of a file of expectations; none if it is not there."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def letter(body: str = "Hello", **headers: str) -> bytes:
    """A mail from its headers (`Content_Type="..."`) and body."""
    fields = {"From": "Dana Ruiz <dana@bank.example>", "Subject": "Help", "Message-ID": "<1@bank.example>"}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    return "".join(f"{name}: {value}\r\n" for name, value in fields.items()).encode() + b"\r\n" + body.encode()
