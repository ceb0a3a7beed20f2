"""One role and one database per service, each closed to the others; safe to repeat at every start."""

from collections.abc import Mapping

import asyncpg


async def provision(superuser_url: str, passwords: Mapping[str, str]) -> None:
    connection = await asyncpg.connect(superuser_url)
    try:
        await connection.execute("REVOKE CONNECT ON DATABASE postgres FROM PUBLIC")
        for role, password in passwords.items():
            await _ensure_role(connection, role, password)
            await _ensure_database(connection, role)
    finally:
        await connection.close()


async def _ensure_role(connection: asyncpg.Connection, role: str, password: str) -> None:
    exists = await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role)
    verb = "ALTER" if exists else "CREATE"
    literal = await connection.fetchval("SELECT quote_literal($1::text)", password)
    await connection.execute(f'{verb} ROLE "{role}" LOGIN PASSWORD {literal}')


async def _ensure_database(connection: asyncpg.Connection, role: str) -> None:
    if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", role):
        await connection.execute(f'CREATE DATABASE "{role}" OWNER "{role}"')
    await connection.execute(f'REVOKE ALL ON DATABASE "{role}" FROM PUBLIC')
