"""Folders for whole stacks, reachable by PostgreSQL's own account when the tests run as root."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


def _folder() -> Iterator[Path]:
    # pytest's own folders are private to the user, so data in them would be moved to /var/lib and stay there.
    folder = Path(tempfile.mkdtemp(prefix="everdesk-test-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    yield from _folder()


@pytest.fixture(scope="module")
def open_folder_for_module() -> Iterator[Path]:
    yield from _folder()
