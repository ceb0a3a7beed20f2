"""What building the image compiles is all that its processes would compile when somebody asks for it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from jinja2 import Environment

from deploy import compile_texts
from shared.kit.i18n import compiled_catalogues
from tests.containers import compose_text


def test_the_image_compiles_pages_mails_and_translations() -> None:
    run = "cd /app && /opt/venv/bin/python -m deploy.compile_texts"
    assert run in compose_text.without_comments(compose_text.DOCKERFILE)


def test_after_it_nothing_is_compiled_any_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("EVERDESK_", "PYTHONDONT"))}
    subprocess.run(
        [sys.executable, "-m", "deploy.compile_texts"],
        cwd=compose_text.ROOT,
        env=kept | {"PYTHONPYCACHEPREFIX": str(tmp_path)},
        check=True,
    )
    asked: list[object] = []

    def compiled(*given: object, **more: object) -> object:
        asked.append(given)
        raise AssertionError(given)

    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path))
    monkeypatch.setattr(Environment, "compile", compiled)
    monkeypatch.setattr(compiled_catalogues, "_read", compiled)
    compile_texts.main()
    assert asked == []
