"""Keys brought along from osTicket: taken from standard input, kept as a digest, good for its addresses alone."""

import io
import secrets
import sys

import pytest
from sqlalchemy import select

from services.intake import cli
from services.intake.models import StoredApiKey
from services.intake.osticket.keys import old_key
from services.intake.settings import IntakeSettings
from tests.services.intake.osticket.old_client import LEAST, OldClient


async def test_a_key_is_brought_along_from_standard_input(
    old: OldClient, settings: IntakeSettings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = secrets.token_hex(16).upper()
    monkeypatch.setattr(sys, "argv", ["main", "import-osticket-key", "Web form", "--cidr", "192.0.2.0/24"])
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{text}\n"))
    await cli.import_osticket_key(old.intake.database, settings)
    key_id = capsys.readouterr().out.strip()
    async with old.intake.database.begin() as session:
        stored = (await session.scalars(select(StoredApiKey).where(StoredApiKey.key_id == key_id))).one()
    assert (stored.name, stored.is_legacy, stored.scopes, stored.cidrs) == (
        "Web form",
        True,
        ["create"],
        ["192.0.2.0/24"],
    )
    assert text.encode() not in stored.digest
    await old.made(await old.json(LEAST, X_API_Key=text))


@pytest.mark.parametrize("text", ["", "short", "G" * 32, "A" * 31, "A" * 33])
async def test_what_is_no_key_of_osticket_is_not_taken(
    old: OldClient, settings: IntakeSettings, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["main", "import-osticket-key", "Web form"])
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    with pytest.raises(SystemExit):
        await cli.import_osticket_key(old.intake.database, settings)


def test_the_id_of_a_key_says_nothing_of_its_secret() -> None:
    key = old_key("0123456789abcdef0123456789ABCDEF")
    assert key is not None
    assert key.key_id not in key.secret.lower()
    assert key == old_key("0123456789ABCDEF0123456789abcdef")
