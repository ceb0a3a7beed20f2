"""The import rules hold, and each would catch its breach."""

import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINT_IMPORTS = Path(sysconfig.get_path("scripts")) / "lint-imports"


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(LINT_IMPORTS), "--no-cache"], cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The packages, without their data, for a test to spoil."""
    for package in ("shared", "services", "workflows", "deploy"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("module", "breach"),
    [
        ("shared/domain/lifecycle.py", "import os\n"),
        ("shared/domain/lifecycle.py", "import shared.kit.clock\n"),
        ("shared/contracts/vocabulary.py", "import shared.domain.errors\n"),
        ("services/intake/errors.py", "import services.notification.settings\n"),
        ("services/intake/errors.py", "import workflows.options\n"),
        ("workflows/ticket.py", "import shared.kit.clock\n"),
        ("shared/kit/clock.py", "import deploy.local\n"),
        ("shared/domain/ticket/state.py", "import shared.domain.rollouts\n"),
        ("services/intake/client/models.py", "import shared.contracts.vocabulary\n"),
        ("services/intake/client/models.py", "import services.intake.schemas\n"),
        ("services/intake/forms/validation.py", "import services.intake.models\n"),
        ("services/intake/forms/fields/text.py", "import time\n"),
        ("services/intake/mail/parsing/quotes.py", "import asyncio\n"),
        ("deploy/cli/errors.py", "import deploy.demo.checks\n"),
        ("deploy/local/errors.py", "import deploy.demo.checks\n"),
    ],
)
def test_a_breach_is_caught(copy: Path, module: str, breach: str) -> None:
    path = copy / module
    path.write_text(path.read_text() + "\n" + breach)
    result = lint(copy)
    assert result.returncode != 0, result.stdout


@pytest.mark.parametrize(
    ("package", "module", "breach"),
    [
        ("shared.kit", "shared/kit/settings.py", "import shared.kit.http.app\n"),
        ("services.assignment", "services/assignment/queries/cursors.py", "import services.assignment.app_state\n"),
        ("services.intake", "services/intake/privacy/zip_stream.py", "import services.intake.deps\n"),
        (
            "services.intake.mail",
            "services/intake/mail/parsing/html_sanitizer.py",
            "import services.intake.mail.routing.staff\n",
        ),
    ],
)
def test_a_circle_of_packages_is_caught(copy: Path, package: str, module: str, breach: str) -> None:
    path = copy / module
    path.write_text(path.read_text() + "\n" + breach)
    result = lint(copy)
    assert f"No cycles are allowed in {package}." in result.stdout, result.stdout


def test_the_rules_hold() -> None:
    result = lint(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr
