"""Files in the bodies of old clients: each kept as it was meant, a bad one never at the ticket's cost."""

import base64

import pytest
from sqlalchemy import select

from services.intake.attachments.object_store import ContentStore, StorageUnavailable
from services.intake.models import Attachment
from shared.contracts.events import TicketSubmitted
from tests.services.intake.api.test_submitting import announced
from tests.services.intake.osticket.old_client import EXAMPLE, LEAST, OldClient, OldTicketMade

PNG = b"\x89PNG\r\n\x1a\n"
OF_THE_REFERENCE = [
    {"trace.txt": "data:text/plain;charset=utf-8,GET /login 502"},
    {"shot.png": "data:image/png;base64,iVBORw0KGgo="},
]
LATIN = base64.b64encode("Zählen".encode("latin-1")).decode()


async def contents(old: OldClient, made: OldTicketMade) -> dict[str, bytes]:
    """The files of a ticket, by name."""
    storage: ContentStore = old.intake.app.state.app_state.storage
    async with old.intake.database.begin() as session:
        rows = await session.scalars(select(Attachment).where(Attachment.ticket_id == made.ticket.id))
        return {row.name: await storage.read(row.digest, row.size) for row in rows}


async def test_the_reference_s_example_comes_with_both_its_files(old: OldClient) -> None:
    made = await old.made(await old.json(EXAMPLE | {"attachments": OF_THE_REFERENCE}))
    assert await contents(old, made) == {"trace.txt": b"GET /login 502", "shot.png": PNG}
    assert made.message.quoted == ""
    event = TicketSubmitted.of(await announced(old.intake, f"everdesk.ticket.submitted.v1.{made.ticket.id}"))
    assert [(file.name, file.media_type) for file in event.attachments] == [
        ("trace.txt", "text/plain"),
        ("shot.png", "image/png"),
    ]


async def test_files_in_xml_have_name_type_and_encoding(old: OldClient) -> None:
    made = await old.made(
        await old.xml(
            f"""<ticket><name>Dana</name><email>dana@bank.example</email><subject>Down</subject><message>502</message>
            <attachments><file name="t.txt" type="text/plain" encoding="base64">NTAy</file>
            <file name="plain.txt">as it is</file>
            <file name="latin.txt" type="text/plain" charset="iso-8859-1" encoding="base64">{LATIN}</file>
            </attachments></ticket>"""
        )
    )
    assert await contents(old, made) == {"t.txt": b"502", "plain.txt": b"as it is", "latin.txt": "Zählen".encode()}


async def test_a_named_charset_becomes_utf_8_and_other_bytes_stay(old: OldClient) -> None:
    files = {
        "named.txt": f"data:text/plain;charset=iso-8859-1;base64,{LATIN}",
        "bytes.bin": f"data:application/octet-stream;base64,{LATIN}",
        "bare.txt": "no URL at all",
    }
    made = await old.made(await old.json(LEAST | {"attachments": [files]}))
    assert await contents(old, made) == {
        "named.txt": "Zählen".encode(),
        "bytes.bin": "Zählen".encode("latin-1"),
        "bare.txt": b"no URL at all",
    }


BAD = [
    ([{"bad.bin": "data:;base64,***"}], "bad.bin: is not valid base64"),
    ([{"list.bin": ["x"]}], "list.bin: is not a text or data URL"),
    (["what?"], "attachment: is not an object"),
    ([{"run.exe": "data:;base64," + base64.b64encode(b"MZ" + bytes(200)).decode()}], "run.exe"),
    ([{f"{n}.txt": "x"} for n in range(25)], "24.txt: one file too many"),
]


@pytest.mark.parametrize(("files", "remark"), BAD, ids=[remark for _, remark in BAD])
async def test_a_bad_file_never_fails_the_call(old: OldClient, files: list[object], remark: str) -> None:
    made = await old.made(await old.json(LEAST | {"attachments": [*files, {"good.txt": "kept"}][-25:]}))
    assert f"File import error: {remark}" in made.message.quoted
    if len(files) < 20:
        assert await contents(old, made) == {"good.txt": b"kept"}


@pytest.mark.parametrize("name", ["../../etc/passwd", "a\r\nb.txt", "", "x" * 500, "evil\u202etxt.exe"])
async def test_names_are_made_fit(old: OldClient, name: str) -> None:
    made = await old.made(await old.json(LEAST | {"attachments": [{name: "x"}]}))
    for kept in await contents(old, made):
        assert "/" not in kept
        assert kept.isprintable()
        assert 0 < len(kept) <= 255


async def test_while_files_cannot_be_kept_the_call_is_to_be_made_again(
    old: OldClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise StorageUnavailable("gone")

    monkeypatch.setattr(old.intake.app.state.app_state.uploader, "_storage", type("Away", (), {"put": away})())
    before = await old.intake.count("tickets")
    answer = await old.json(LEAST | {"attachments": OF_THE_REFERENCE})
    assert answer.status_code == 503
    assert "retry-after" in answer.headers
    assert await old.intake.count("tickets") == before


async def test_a_repeated_key_attaches_files_once(old: OldClient) -> None:
    sent = LEAST | {"attachments": OF_THE_REFERENCE}
    answers = [await old.json(sent, Idempotency_Key="old-files") for _ in range(2)]
    assert answers[0].text == answers[1].text
    assert len(await contents(old, await old.made(answers[0]))) == 2
