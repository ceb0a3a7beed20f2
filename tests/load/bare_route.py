"""The yardstick for accepting: a FastAPI route that commits one row of the same size, and nothing else."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from pydantic import BaseModel
from sqlalchemy import Column, LargeBinary, MetaData, Table, Uuid, insert

from shared.kit.clock import new_id
from shared.kit.db import Database
from shared.kit.processes import serve
from shared.kit.settings import ServiceSettings
from shared.kit.stopping import Stopping

ROWS = Table("bench_rows", MetaData(), Column("id", Uuid, primary_key=True), Column("payload", LargeBinary))
PAYLOAD_VARIABLE = "BENCH_PAYLOAD_BYTES"


class Asked(BaseModel):
    """A body that FastAPI parses and pydantic validates, as any route's."""

    subject: str
    body: str


def build(settings: ServiceSettings, payload: bytes) -> FastAPI:
    """The application."""
    database = Database.connect(settings)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with database.connection() as connection:
            await connection.run_sync(ROWS.metadata.create_all)
        yield
        await database.dispose()

    app = FastAPI(lifespan=lifespan)
    app.state.stopping = Stopping()

    @app.post("/rows", status_code=201)
    async def add(asked: Asked) -> dict[str, str]:
        row_id = new_id()
        async with database.connection() as connection:
            await connection.execute(insert(ROWS).values(id=row_id, payload=payload))
        return {"id": str(row_id), "subject": asked.subject}

    @app.get("/readyz")
    async def readyz() -> dict[str, str]:
        return {"status": "ready"}

    return app


if __name__ == "__main__":
    settings = ServiceSettings()
    serve(build(settings, os.urandom(int(os.environ[PAYLOAD_VARIABLE]))), settings)
