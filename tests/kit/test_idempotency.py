"""Idempotency keys: one effect, one answer, and a clear refusal for what cannot be told apart."""

import asyncio

import pytest

from shared.kit.db import Database
from shared.kit.http.idempotency import fingerprint, idempotent_transaction
from shared.kit.http.problems import Problem

HASH = fingerprint("body")


async def test_a_retry_gets_the_first_answer(database: Database) -> None:
    async with idempotent_transaction(database, "scope", "key", HASH) as first:
        assert first.stored is None
        await first.store(b'{"id":1}', 201, etag='"1"')
    async with idempotent_transaction(database, "scope", "key", HASH) as again:
        assert again.stored is not None
        assert (again.stored.body, again.stored.status_code) == (b'{"id":1}', 201)
        assert again.stored.headers["etag"] == '"1"'


async def test_another_body_under_the_same_key_is_refused(database: Database) -> None:
    async with idempotent_transaction(database, "scope", "key", HASH) as first:
        await first.store(b"{}")
    with pytest.raises(Problem) as refused:
        async with idempotent_transaction(database, "scope", "key", fingerprint("other")):
            pass
    assert (refused.value.status, refused.value.code) == (422, "idempotency_key_reused")


async def test_the_same_key_in_flight_is_refused_and_may_be_tried_again(database: Database) -> None:
    entered, leave = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        async with idempotent_transaction(database, "scope", "key", HASH) as guarded:
            entered.set()
            await leave.wait()
            await guarded.store(b"{}")

    task = asyncio.create_task(slow())
    await entered.wait()
    with pytest.raises(Problem) as refused:
        async with idempotent_transaction(database, "scope", "key", HASH):
            pass
    assert (refused.value.status, refused.value.code) == (409, "request_in_flight")
    leave.set()
    await task
    async with idempotent_transaction(database, "scope", "key", HASH) as again:
        assert again.stored is not None


async def test_a_failed_request_stores_nothing(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        async with idempotent_transaction(database, "scope", "key", HASH) as guarded:
            await guarded.store(b"{}")
            raise ZeroDivisionError
    async with idempotent_transaction(database, "scope", "key", HASH) as again:
        assert again.stored is None


async def test_scopes_do_not_share_keys(database: Database) -> None:
    async with idempotent_transaction(database, "one", "key", HASH) as first:
        await first.store(b"{}")
    async with idempotent_transaction(database, "two", "key", HASH) as other:
        assert other.stored is None
