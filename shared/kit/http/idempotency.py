"""`Idempotency-Key`: the first answer to a request is stored with its effect and given again to every retry."""

import hashlib
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Any

from fastapi import Header, Response
from sqlalchemy import Row, delete, func, insert, text
from sqlalchemy.exc import IntegrityError
from starlette.status import HTTP_200_OK

from shared.kit.db import Database, Session
from shared.kit.http.problems import Problem
from shared.kit.tables import idempotency_responses

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="Makes a retry safe: the same key gets the first answer again",
    ),
]

IN_FLIGHT = "request_in_flight"
"""The code of the refusal of a request that is being carried out already."""

CLAIM = """
select pg_try_advisory_xact_lock(:lock) as is_free, request_hash, status, body, etag
from (values (1)) as always left join idempotency_responses on scope = :scope and key = :key
"""
"""Is the key free, and is there an answer? An answer committed in between runs into the primary key."""


FORGET_ABOUT = text("""
delete from idempotency_responses where exists (
  select from unnest(cast(:words as text[])) as word
  where position(word in scope) > 0 or position(convert_to(word, 'UTF8') in body) > 0
)
""")


@dataclass
class IdempotencyClaim:
    """One keyed request: its key within a scope, and what it asks for."""

    scope: str
    key: str | None
    request_hash: bytes
    stored: Response | None = field(default=None, init=False)
    """The first answer, if this is a retry: return it and do nothing else."""

    @property
    def values(self) -> dict[str, Any]:
        """What `CLAIM` asks with, alone or as the head of a command that does everything in one statement."""
        lock = int.from_bytes(fingerprint(self.scope, self.key or "")[:8], "big", signed=True)
        return {"lock": lock, "scope": self.scope, "key": self.key}

    def settle(self, claimed: Row[Any]) -> None:
        """Takes in what `CLAIM` found. Raises Problem 409 while the key is in flight, 422 for another body."""
        if not claimed.is_free:
            raise in_flight()
        if claimed.request_hash is None:
            return
        if claimed.request_hash != self.request_hash:
            raise key_reused()
        headers = {"Idempotent-Replayed": "true"} | ({"ETag": claimed.etag} if claimed.etag else {})
        self.stored = Response(claimed.body, claimed.status, headers, media_type="application/json")


@dataclass
class IdempotentTransaction(IdempotencyClaim):
    """A keyed request in progress; `session` is the transaction in which the answer will be stored."""

    session: Session

    async def store(self, body: bytes, status: int = HTTP_200_OK, etag: str | None = None) -> None:
        """Stores the answer in the guard's transaction."""
        if self.key is not None:
            await self.session.execute(
                insert(idempotency_responses).values(
                    scope=self.scope,
                    key=self.key,
                    request_hash=self.request_hash,
                    status=status,
                    body=body,
                    etag=etag,
                )
            )


def fingerprint(*parts: str | bytes) -> bytes:
    """What identifies a request's content."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode() if isinstance(part, str) else part)
        digest.update(b"\0")
    return digest.digest()


@asynccontextmanager
async def idempotent_transaction(
    database: Database, scope: str, key: str | None, request_hash: bytes
) -> AsyncIterator[IdempotentTransaction]:
    """Opens a transaction that holds the key while the request runs.

    Raises Problem 409 while the same key is in flight, 422 if it was used with another body.
    """
    async with database.begin() as session:
        guarded = IdempotentTransaction(scope, key, request_hash, session)
        if key is not None:
            guarded.settle((await session.execute(text(CLAIM), guarded.values)).one())
        with second_refused():
            yield guarded


@contextmanager
def second_refused() -> Iterator[None]:
    """Around a command that stores an answer: one stored by somebody else meanwhile raises Problem 409.

    A command that claims its key in its own one statement needs no `guard`, but this.
    """
    try:
        yield
    except IntegrityError as error:
        if str(idempotency_responses.primary_key.name) in str(error.orig):
            raise in_flight() from error
        raise


def key_reused() -> Problem:
    """The key belongs to another request."""
    return Problem(422, "idempotency_key_reused", "this Idempotency-Key was used with another body; make a new key")


def in_flight() -> Problem:
    """The same request is being carried out at this moment."""
    return Problem(409, IN_FLIGHT, "a request with this Idempotency-Key is still running", headers={"Retry-After": "1"})


async def forget_older_than(session: Session, age: timedelta) -> None:
    """Deletes answers past their time."""
    await session.execute(delete(idempotency_responses).where(idempotency_responses.c.created_at < func.now() - age))


async def forget_about(session: Session, words: Collection[str]) -> None:
    """Deletes answers in whose scope or body one of these words is found: ids, addresses."""
    await session.execute(FORGET_ABOUT, {"words": sorted(words)})
