"""Password hashes that cost nothing, for tests that are not about guessing."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def quick_hashing() -> Iterator[None]:
    """The same function with the least work, in this process meanwhile; a tenth of a second less for each sign-in."""
    from pwdlib import PasswordHash  # not for the process that hands tests out: it loads conftests alone
    from pwdlib.hashers.argon2 import Argon2Hasher

    from shared.kit import auth

    quick = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(auth, "_passwords", quick)
        yield


@pytest.fixture(scope="package", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Import it into a conftest: it holds for the tests of that package."""
    with quick_hashing():
        yield


@pytest.fixture
def quick_hashes() -> Iterator[None]:
    """For single tests."""
    with quick_hashing():
        yield
