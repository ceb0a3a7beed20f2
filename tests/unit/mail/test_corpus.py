"""Every mail of the corpus is read, and everything that is in it comes out."""

from pathlib import Path

import pytest

from services.intake.mail.reading import read_mail
from tests.unit.mail.letters import CORPUS, corpus, need


def test_the_corpus_is_there() -> None:
    need(CORPUS)
    assert len(corpus()) == 119


@pytest.mark.parametrize("path", corpus(), ids=lambda path: path.name)
def test_a_mail_of_the_corpus_is_readable(path: Path) -> None:
    mail = read_mail(path.read_bytes())
    assert mail.is_readable
    assert "\0" not in mail.body + mail.quoted + mail.subject
