"""PostgreSQL from its wheel under our own runner: TCP and scram only, safe to start after `kill -9`."""

import asyncio
import os
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path

import asyncpg

from deploy.local import probe, process
from deploy.local.account import Account, unprivileged_account
from deploy.local.engines.ports import LOOPBACK
from deploy.local.engines.postgres_cleanup import clear_leftovers
from deploy.local.engines.postgres_location import PostgresLocation, find_place
from deploy.local.engines.postgres_roles import provision
from deploy.local.errors import LocalStackError
from deploy.local.process import Launch, inherited_environment

SUPERUSER = "postgres"
SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "fsync": "on",
    "autovacuum_naptime": "2min",  # a worker starts per database each time, which is half of what an idle server costs
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_min_error_statement": "panic",  # statements can carry passwords and personal data
}


class Postgres:
    """One cluster; `passwords` names the superuser and every service role."""

    name = "postgres"

    def __init__(self, state: Path, *, port: int, passwords: Mapping[str, str]) -> None:
        self.port = port
        self._passwords = passwords
        self._wanted = state / "postgres"
        self._account: Account | None = None
        self._place: PostgresLocation | None = None

    @property
    def ports(self) -> dict[str, int]:
        return {"postgres": self.port}

    def url(self, role: str, database: str | None = None, *, driver: str = "postgresql+asyncpg") -> str:
        """Where `role` connects; its database has its own name unless another is given."""
        return f"{driver}://{role}:{self._passwords[role]}@{LOOPBACK}:{self.port}/{database or role}"

    @property
    def place(self) -> PostgresLocation:
        if self._place is None:
            raise RuntimeError("prepare() comes first")
        return self._place

    @property
    def was_relocated(self) -> bool:
        return self._place is not None and self._place.is_relocated

    async def prepare(self) -> None:
        self._account = unprivileged_account()
        self._place = await asyncio.to_thread(find_place, self._wanted, self._account)
        if (self.place.data / "PG_VERSION").exists():
            await clear_leftovers(self.place.data)
        else:
            await self._initdb()

    def launch(self) -> Launch:
        command = [str(self.place.program("postgres")), "-D", str(self.place.data), "-p", str(self.port)]
        for key, value in SETTINGS.items():
            command += ["-c", f"{key}={value}"]
        return Launch(
            tuple(command),
            cwd=self.place.data.parent,
            env=inherited_environment(),
            account=self._account,
            stop_signal=signal.SIGINT,  # "fast": does not wait for clients
            death_signal=signal.SIGQUIT,  # a SIGKILL would leave its children behind
        )

    async def wait_ready(self, within: float) -> None:
        await probe.until(self._answers, within=within, what="PostgreSQL")
        await provision(self.url(SUPERUSER, driver="postgresql"), self._service_passwords)

    async def answers(self) -> bool:
        """Refusing counts as an answer: it says that the server is there."""
        try:
            connection = await asyncpg.connect(self.url(SUPERUSER, driver="postgresql"), timeout=5, command_timeout=5)
        except asyncpg.PostgresError:
            return True
        except (OSError, TimeoutError):
            return False
        await connection.close(timeout=1)
        return True

    @property
    def _service_passwords(self) -> dict[str, str]:
        return {role: secret for role, secret in self._passwords.items() if role != SUPERUSER}

    async def _answers(self) -> bool:
        if not await probe.accepts(LOOPBACK, self.port):
            return False
        try:
            connection = await asyncpg.connect(self.url(SUPERUSER, driver="postgresql"), timeout=2)
        except (OSError, TimeoutError, asyncpg.CannotConnectNowError, asyncpg.ConnectionDoesNotExistError):
            return False
        except asyncpg.InvalidPasswordError:
            raise LocalStackError(
                f"The PostgreSQL data in {self.place.data} was made with another password than the one in "
                "secrets.json. Bring back that file, or remove the whole state folder to start afresh."
            ) from None
        await connection.close()
        return True

    async def _initdb(self) -> None:
        """Into a folder beside, renamed when complete: a crash half-way never looks like data."""
        fresh = self.place.data.with_name("initialising")
        shutil.rmtree(fresh, ignore_errors=True)
        password_file = self._write_password()
        try:
            await self._run_initdb(fresh, password_file)
        finally:
            password_file.unlink()
        fresh.rename(self.place.data)

    def _write_password(self) -> Path:
        path = self.place.data.with_name("initdb.password")
        path.unlink(missing_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(self._passwords[SUPERUSER])
        if self._account is not None:
            self._account.own(path)
        return path

    async def _run_initdb(self, data: Path, password_file: Path) -> None:
        command = (
            *(str(self.place.program("initdb")), "--pgdata", str(data), "--username", SUPERUSER),
            *("--auth", "scram-sha-256", "--pwfile", str(password_file), "--encoding", "UTF8"),
            *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--locale", "C"),
        )
        folder = self.place.data.parent
        status, output = await process.run(Launch(command, folder, inherited_environment(), self._account))
        if status != 0:
            said = output.strip().splitlines()[-3:]
            raise LocalStackError(f"PostgreSQL could not set up its data folder {data}: {' '.join(said)}")
