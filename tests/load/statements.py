"""SQL statements and transactions of the services, as PostgreSQL counts them itself."""

import asyncpg

DATABASES = ("intake", "assignment", "notification")
Statements = dict[str, float]
CALLS = """
    select d.datname, sum(s.calls) from pg_stat_statements s
    join pg_database d on d.oid = s.dbid join pg_roles r on r.oid = s.userid
    where r.rolname <> 'postgres' and s.query !~* '^(begin|commit|rollback|deallocate|discard|reset|set|show)'
    group by 1
"""
"""Of the services' own roles: what the bench asks as the superuser is not counted."""


class StatementCounter:
    """Statements by database since the last `restart`; what begins and ends transactions is left out."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._before: Statements = {}

    @classmethod
    async def of(cls, database_url: str) -> "StatementCounter":
        """Connected, and counting."""
        connection = await asyncpg.connect(f"{database_url}/postgres")
        await connection.execute("create extension if not exists pg_stat_statements")
        counter = cls(connection)
        await counter.restart()
        return counter

    async def restart(self) -> None:
        """Counts from now."""
        self._before = await self._calls()

    async def read(self) -> Statements:
        """How many since."""
        return {name: calls - self._before.get(name, 0.0) for name, calls in (await self._calls()).items()}

    async def close(self) -> None:
        """Disconnects."""
        await self._connection.close()

    async def _calls(self) -> Statements:
        rows = await self._connection.fetch(CALLS)
        return {name: float(calls) for name, calls in rows if name in DATABASES}
