"""Text that outgrows what one message on the bus carries: refused on arrival; what got through is parked."""

import asyncio

import pytest
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import insert, select
from typer.testing import CliRunner

from deploy.cli.app import build_app
from services.assignment.schemas.actions import HoldInput, MessageInput
from services.intake.mail.parsing.inbound_message import ORIGINAL, inbound_message_of
from services.intake.mail.parsing.parser import ReadMail
from shared.contracts.vocabulary import BodyFormat
from shared.kit import relay as relays
from shared.kit.backoff import Backoff
from shared.kit.bus import Bus
from shared.kit.clock import new_id
from shared.kit.db import Database, dsn_of
from shared.kit.http.inputs import MAX_TEXT, Body
from shared.kit.settings import ServiceSettings
from shared.kit.tables import outbox as outbox_table
from tests.kit.conftest import bus, database, kit_settings, made  # noqa: F401 - fixtures
from tests.support.engines import own_engines  # noqa: F401 - a fixture
from tests.support.eventually import eventually

TOO_MANY = "\x01" * MAX_TEXT
BIG = b'{"body":"' + rb"\u0001" * MAX_TEXT + b'"}'


@pytest.mark.parametrize("text", [TOO_MANY, "x" + "\x1f" * 170_000])
def test_a_body_that_grows_sixfold_is_refused_wherever_agents_write(text: str) -> None:
    for write in (lambda: MessageInput(body=text), lambda: HoldInput(reason="third_party", comment=text)):
        with pytest.raises(ValidationError, match="control characters"):
            write()


@pytest.mark.parametrize("text", ['"' * MAX_TEXT, "\\" * MAX_TEXT, "\n\tx" * 80_000, "\x1b[0m" + "x" * 200_000])
def test_a_body_that_can_be_carried_is_kept_as_it_is(text: str) -> None:
    assert TypeAdapter(Body).validate_python(text) == text


def test_a_mail_whose_pictures_outgrow_an_event_is_shown_as_text_with_the_whole_mail_as_a_file() -> None:
    html = "<p>Look.</p>" + '<img src="cid:a">' * 11_000
    letter = inbound_message_of(ReadMail(text="Look.", html=html), b"raw", "dana@bank.example")
    assert (letter.body_format, letter.files[-1].name) == (BodyFormat.TEXT, ORIGINAL)
    assert letter.body.startswith("Look.")


@pytest.fixture
def cli(kit_settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch) -> CliRunner:  # noqa: F811
    monkeypatch.setenv("EVERDESK_DATABASE_URL", kit_settings.database_url.get_secret_value())
    return CliRunner()


async def test_an_operator_sees_replays_and_discards_parked_events(
    database: Database,  # noqa: F811
    bus: Bus,  # noqa: F811
    kit_settings: ServiceSettings,  # noqa: F811
    cli: CliRunner,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(relays, "DEPENDENCY", Backoff((0.01,) * 5))
    event_id, subject = str(new_id()), f"everdesk.topic.changed.v1.{new_id()}"
    async with database.begin() as session:
        await session.execute(insert(outbox_table).values(event_id=event_id, subject=subject, envelope=BIG))

    async def run(*words: str) -> str:
        done = await asyncio.to_thread(cli.invoke, build_app(), ["outbox", *words])
        assert done.exit_code == 0, done.output
        return done.output

    async def row() -> int:
        async with database.begin() as session:
            found = await session.scalar(select(outbox_table.c.id).where(outbox_table.c.parked_at.is_not(None)))
            assert isinstance(found, int)
            return found

    relay = asyncio.create_task(relays.Relay(dsn_of(kit_settings), bus, "kit").run())
    number = str(await eventually(row))
    listed = await run("list", "--service", "intake")
    assert subject in listed
    assert "MaxPayloadError" in listed
    assert "5 x" in listed
    assert "body" in await run("show", "intake", number)
    assert "1 put back" in await run("replay", "intake", number)
    await eventually(row)
    relay.cancel()
    await asyncio.gather(relay, return_exceptions=True)
    assert "1 discarded" in await run("discard", "intake", number, "--yes")
    assert "0 parked" in await run("list", "--service", "intake")
