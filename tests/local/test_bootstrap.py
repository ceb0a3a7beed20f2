"""What runs before anything is installed explains itself on any Python 3."""

import ast
import sys
from pathlib import Path

import pytest

from deploy.local import bootstrap


def test_an_old_python_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    with pytest.raises(SystemExit):
        bootstrap.main("requirements.lock")
    said = capsys.readouterr().err
    assert "needs Python 3.11 or newer" in said
    assert "make run PYTHON=python3.11" in said


def test_the_bootstrap_keeps_to_old_syntax_and_the_standard_library() -> None:
    tree = ast.parse(Path(bootstrap.__file__).read_text(), feature_version=(3, 6))
    imported = {
        name.name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }
    assert imported <= {"hashlib", "os", "subprocess", "sys", "Path"}
