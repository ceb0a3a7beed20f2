"""The templates of mails are compiled once for all starts."""

import sys
from pathlib import Path

import pytest
from jinja2 import Environment

from services.notification.delivery.compose import Composer
from services.notification.delivery.templates import TEMPLATES
from tests.attack.test_outgoing_mail import SETTINGS, job


def head(mail: bytes) -> bytes:
    """From the sender to the date; in what follows are links, which are written anew each time."""
    return mail.partition(b"Message-ID:")[0]


def test_the_next_start_compiles_no_mail_and_writes_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path))
    compiled: list[object] = []
    compile_one = Environment.compile

    def counting(self: Environment, *given: object, **more: object) -> object:
        compiled.append(given)
        return compile_one(self, *given, **more)  # type: ignore[call-overload]

    monkeypatch.setattr(Environment, "compile", counting)
    first = Composer(SETTINGS)
    assert len(compiled) >= 3 * len(TEMPLATES)
    compiled.clear()
    second = Composer(SETTINGS)
    jobs = [job("Ada", "Hello", name) for name in TEMPLATES]
    assert [head(second.compose(one)) for one in jobs] == [head(first.compose(one)) for one in jobs]
    assert compiled == []
