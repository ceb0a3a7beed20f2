"""Mailboxes over IMAP: nothing is marked before it is ours, and nothing is lost in between."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fastapi import FastAPI

from services.intake.mail.app import build
from services.intake.mail.settings import Mailbox, MailSettings
from services.intake.mail.transports import imap_watcher
from services.intake.mail.transports.imap_session import ImapSession
from services.intake.models import RawMailState
from tests.services.intake.mail.post_office import PostOffice, letter
from tests.support.eventually import eventually
from tests.support.imap_server import ImapServer
from tests.support.small_server import answering, serving

LOOPBACK = {"outgoing_allowed_networks": "127.0.0.0/8"}


@pytest.fixture
async def imap() -> AsyncIterator[ImapServer]:
    server = ImapServer()
    await server.start()
    yield server
    await server.stop()


@asynccontextmanager
async def watching(post: PostOffice, imap: ImapServer, **changes: Any) -> AsyncIterator[FastAPI]:
    """A mail process with one mailbox."""
    given = {"name": "inbox", "host": "127.0.0.1", "port": imap.port, "security": "none", "user": imap.user}
    given |= {"password": imap.password, "every_seconds": 1} | changes
    settings = MailSettings(
        **(post.settings.model_dump() | {"mailboxes": (Mailbox(**given),), "mail_in_port": 0} | LOOPBACK)
    )
    app = build(settings)
    async with app.router.lifespan_context(app):
        yield app


async def test_a_mail_at_which_the_connection_breaks_each_time_holds_up_no_other(
    post: PostOffice, imap: ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imap_watcher, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(imap_watcher, "MOST_TRIES", 3)
    broken, fetch, tries = imap.put(letter().as_bytes()), ImapSession.fetch, 0

    def breaks(look: ImapSession, uid: str) -> bytes | None:
        nonlocal tries
        if uid == str(broken.uid):
            tries += 1
            raise ConnectionResetError
        return fetch(look, uid)

    monkeypatch.setattr(ImapSession, "fetch", breaks)
    mail = letter(**{"from": "Kim <kim@shop.example>"})
    imap.put(mail.as_bytes())
    async with watching(post, imap):
        assert (await post.settled(mail)).state is RawMailState.DONE
        await eventually(lambda: tries == 3)
        after = letter(**{"from": "Lee <lee@shop.example>"})
        imap.put(after.as_bytes())
        assert (await post.settled(after)).state is RawMailState.DONE
    assert tries == 3


@pytest.mark.parametrize(
    ("after", "capabilities", "is_put_away"),
    [
        ("seen", "IMAP4rev1", lambda imap: all("\\Seen" in mail.flags for mail in imap.folders["INBOX"])),
        ("move", "IMAP4rev1 MOVE", lambda imap: (len(imap.folders["INBOX"]), len(imap.folders["Processed"])) == (0, 2)),
        ("delete", "IMAP4rev1 UIDPLUS", lambda imap: len(imap.folders["INBOX"]) == 0),
        ("delete", "IMAP4rev1", lambda imap: len(imap.folders["INBOX"]) == 0),
    ],
)
async def test_what_waits_becomes_tickets_and_is_put_away(
    post: PostOffice,
    imap: ImapServer,
    after: str,
    capabilities: str,
    is_put_away: Callable[[ImapServer], bool],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    post.knows_mailbox("inbox", "feedback", monkeypatch)
    imap.capabilities = capabilities
    mails = [letter(cc="support+access@everdesk.example"), letter(**{"from": "Kim <kim@shop.example>"})]
    for mail in mails:
        imap.put(mail.as_bytes())
    async with watching(post, imap, after=after, topic="feedback"):
        await eventually(lambda: is_put_away(imap))
        rows = [await post.settled(mail) for mail in mails]
    assert [(row.state, row.source, row.sender) for row in rows] == [
        (RawMailState.DONE, "inbox", "dana@bank.example"),
        (RawMailState.DONE, "inbox", "kim@shop.example"),
    ]
    topics = [(await post.ticket(row.ticket_id)).topic_id for row in rows if row.ticket_id]
    slugs = [await post.intake.app.state.app_state.topics.slug_of(topic) for topic in topics]
    assert slugs == ["access", "feedback"]


async def test_news_is_told_at_once_where_the_server_can(post: PostOffice, imap: ImapServer) -> None:
    async with watching(post, imap, every_seconds=3600):
        await eventually(lambda: imap._changed)
        mail = letter()
        imap.put(mail.as_bytes())
        assert (await post.settled(mail, within=5)).state is RawMailState.DONE
    assert imap.log_ins == 1


async def test_a_mail_fetched_twice_is_one_message(post: PostOffice, imap: ImapServer) -> None:
    mail = letter()
    await post.hand_in(mail)
    kept = imap.put(b"Received: by the mailbox\r\n" + mail.as_bytes())
    async with watching(post, imap):
        await eventually(lambda: "\\Seen" in kept.flags)
    row = await post.settled(mail)
    assert row.ticket_id is not None
    assert len(await post.messages(row.ticket_id)) == 1


async def test_a_server_that_is_away_is_named_and_tried_again(
    post: PostOffice, imap: ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imap_watcher, "FIRST_PAUSE", 0.1)
    await imap.stop()
    async with watching(post, imap) as app:
        watcher = app.state.mailboxes.watchers[0]
        await eventually(lambda: "ConnectionRefusedError" in (watcher.trouble or ""))
        with pytest.raises(imap_watcher.MailboxUnavailable, match="inbox: "):
            await app.state.mailboxes.check()
        mail = letter()
        imap.put(mail.as_bytes())
        await imap.start()
        assert (await post.settled(mail)).state is RawMailState.DONE
        await eventually(lambda: watcher.trouble is None)


async def test_a_mailbox_is_opened_by_a_token_that_is_fetched(post: PostOffice, imap: ImapServer) -> None:
    imap.access_token = "fresh-token"
    mail, seen = letter(), list[str]()
    imap.put(mail.as_bytes())
    answer = json.dumps({"access_token": imap.access_token, "expires_in": 3600}).encode()
    async with serving(answering("200 OK", answer, seen)) as port:
        oauth = {"token_url": f"http://127.0.0.1:{port}/token", "client_id": "desk", "refresh_token": "long-lived"}
        async with watching(post, imap, password=None, oauth=oauth):
            assert (await post.settled(mail)).state is RawMailState.DONE
    assert seen[0].startswith("POST /token HTTP/1.1")


async def test_a_token_that_is_refused_is_named_without_its_secrets(post: PostOffice, imap: ImapServer) -> None:
    async with serving(answering("400 Bad Request", b'{"error": "invalid_grant", "x": "long-lived"}')) as port:
        oauth = {"token_url": f"http://127.0.0.1:{port}/token", "client_id": "desk", "refresh_token": "long-lived"}
        async with watching(post, imap, password=None, oauth=oauth) as app:
            watcher = app.state.mailboxes.watchers[0]
            await eventually(lambda: watcher.trouble or False)
    assert watcher.trouble == "TokenRefused: the token endpoint answered 400: invalid_grant"


async def test_a_wrong_password_says_nothing_of_it(post: PostOffice, imap: ImapServer) -> None:
    async with watching(post, imap, password="a-wrong-one") as app:
        watcher = app.state.mailboxes.watchers[0]
        await eventually(lambda: watcher.trouble or False)
        assert "AUTHENTICATIONFAILED" in watcher.trouble
        assert "a-wrong-one" not in watcher.trouble


async def test_nothing_is_marked_that_could_not_be_kept(post: PostOffice, imap: ImapServer) -> None:
    kept = imap.put(b"x" * (post.settings.mail_max_bytes + 1))
    good = imap.put(letter().as_bytes())
    async with watching(post, imap):
        await eventually(lambda: "\\Seen" in good.flags)
    assert kept.flags == set()
