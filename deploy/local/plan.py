"""The composition root: which processes make up the stack, and what each of them is told."""

from collections.abc import Iterator
from email.utils import parseaddr
from pathlib import Path

from deploy.local.engines import Nats, Postgres, Temporal
from deploy.local.process import inherited_environment
from deploy.local.service_spec import HttpServiceSpec, JobSpec, ServiceSpec, StackSpec, python
from deploy.local.settings import HOST, LocalSettings
from deploy.local.stack_secrets import StackSecrets

CHECKOUT = Path(__file__).resolve().parents[2]
SERVICES = ("intake", "assignment", "notification")
SEEDED = ("intake", "assignment")
FOUND_PORTS = ("postgres", "nats", "nats_monitor", "temporal", "worker", "mail_in_http")
REPLICATED = (*SERVICES, "worker", "mail_in", "mail_in_http")
POOLED_IN_ALL = 30
"""Connections to PostgreSQL for all processes of a kind together, where there are several."""
MAIL_FROM = "Everdesk <support@everdesk.example>"


def found_ports(replicas: int) -> tuple[str, ...]:
    """What listens on ports that are found: the engines, and every process beyond the first of its kind."""
    more = (f"{name}-{number}" for number in range(2, replicas + 1) for name in REPLICATED)
    return (*FOUND_PORTS, *more)


def kind_of(name: str) -> str:
    """`intake` of `intake-2`."""
    return name.partition("-")[0]


class Composition:
    """Settings, secrets and ports in; the plan of the whole stack out."""

    def __init__(self, settings: LocalSettings, secrets: StackSecrets, ports: dict[str, int]) -> None:
        self._settings = settings
        self._secrets = secrets
        self._ports = {**settings.fixed_ports, **ports}
        home, port = settings.home, self._ports
        self._postgres = Postgres(home, port=port["postgres"], passwords=secrets.database_passwords)
        self._nats = Nats(home, port=port["nats"], monitor_port=port["nats_monitor"], password=secrets.nats)
        self._temporal = Temporal(home, port=port["temporal"], ui_port=port["temporal_ui"])

    def plan(self) -> StackSpec:
        return StackSpec(parts=(*self._foundations(), *self._applications()), jobs=self._jobs(), ports=self._ports)

    @property
    def urls(self) -> dict[str, str]:
        names = (*SERVICES, "mail", "temporal_ui")
        return {name: f"http://{HOST}:{self._ports[name]}" for name in names}

    @property
    def is_empty(self) -> bool:
        """Whether it begins without the demonstration."""
        return self._settings.seed == "empty"

    @property
    def setup_url(self) -> str | None:
        """Where the first administrator of an empty installation comes in, once."""
        return f"{self.urls['assignment']}/welcome/{self._secrets.setup}" if self.is_empty else None

    @property
    def mail_in(self) -> str:
        """Where mail is handed in, and for whom."""
        return f"{HOST}:{self._ports['mail_in']}, for {parseaddr(MAIL_FROM)[1]}"

    def _foundations(self) -> tuple[ServiceSpec, ...]:
        port = self._ports
        return (
            ServiceSpec(self._postgres, f"PostgreSQL on port {port['postgres']}"),
            ServiceSpec(self._nats, f"NATS JetStream on port {port['nats']}"),
            ServiceSpec(self._temporal, f"Temporal on port {port['temporal']}"),
            ServiceSpec(self._mail(), f"{self.urls['mail']}/readyz"),
        )

    def _applications(self) -> tuple[ServiceSpec, ...]:
        numbers = range(1, self._settings.replicas + 1)
        return tuple(part for number in numbers for part in self._one_of_each("" if number == 1 else f"-{number}"))

    def _one_of_each(self, suffix: str) -> Iterator[ServiceSpec]:
        """A process of each kind; `suffix` tells those beyond the first from it."""
        worker = self._http(f"worker{suffix}", "workflows.worker")
        yield ServiceSpec(worker, _readyz(worker), after=("postgres", "nats", "temporal"))
        for name in SERVICES:
            service = self._http(f"{name}{suffix}", f"services.{name}.main", "serve", **self._specific(name))
            yield ServiceSpec(service, _readyz(service), after=(f"{name}-migrate", "nats", "temporal", "mail"))
        mail_in = self._mail_in(suffix)
        yield ServiceSpec(mail_in, _readyz(mail_in), after=("intake-migrate",))

    def _mail_in(self, suffix: str) -> HttpServiceSpec:
        """Listens for mail on a fixed port, the first of its kind; how it is, it says on one that was found."""
        env = {**self._common(f"mail_in_http{suffix}"), **self._specific("intake")}
        env["EVERDESK_MAIL_IN_PORT"] = str(self._ports[f"mail_in{suffix}"])
        launch = python("services.intake.main", "mail", cwd=CHECKOUT, env=env)
        return HttpServiceSpec(f"mail_in{suffix}", self._ports[f"mail_in_http{suffix}"], launch)

    def _jobs(self) -> tuple[JobSpec, ...]:
        verbs = {name: ("migrate", "seed") if name in SEEDED else ("migrate",) for name in SERVICES}
        return tuple(self._job(name, *verbs[name]) for name in SERVICES)

    def _job(self, service: str, *verbs: str) -> JobSpec:
        """Migrates and seeds in one process: most of its time is spent importing."""
        env = {**self._common(service), **self._specific(service)}
        if "seed" in verbs:
            env |= self._seed(service)
        launch = python(f"services.{service}.main", *verbs, cwd=CHECKOUT, env=env)
        return JobSpec(f"{service}-migrate", service, launch, after=("postgres",))

    def _mail(self) -> HttpServiceSpec:
        env = inherited_environment() | {
            "EVERDESK_HOST": HOST,
            "EVERDESK_SMTP_PORT": str(self._ports["mail_smtp"]),
            "EVERDESK_PORT": str(self._ports["mail"]),
            "EVERDESK_MAIL_DIR": str(self._settings.home / "mail"),
        }
        return HttpServiceSpec("mail", self._ports["mail"], python("deploy.local.mail", cwd=CHECKOUT, env=env))

    def _http(self, name: str, module: str, *arguments: str, **specific: str) -> HttpServiceSpec:
        env = {**self._common(name), **specific}
        return HttpServiceSpec(name, self._ports[name], python(module, *arguments, cwd=CHECKOUT, env=env))

    def _common(self, name: str) -> dict[str, str]:
        return (
            inherited_environment()
            | self._for_so_many
            | self._settings.passed_on
            | self._stream_size
            | {
                "EVERDESK_HOST": HOST,
                "EVERDESK_PORT": str(self._ports[name]),
                "EVERDESK_NATS_URL": self._nats.url,
                "EVERDESK_NATS_MONITOR_URL": f"http://{HOST}:{self._ports['nats_monitor']}",
                "EVERDESK_TEMPORAL_ADDRESS": self._temporal.address,
                "EVERDESK_TEMPORAL_NAMESPACE": self._temporal.namespace,
                "EVERDESK_SEED": self._settings.seed,
                "EVERDESK_LINK_SECRET": self._secrets.link,
                "EVERDESK_PORTAL_URL": self.urls["intake"],
                "EVERDESK_DESK_URL": self.urls["assignment"],
                "EVERDESK_MAIL_FROM": MAIL_FROM,
                "EVERDESK_LOG_FORMAT": "console",
                "PYTHONUNBUFFERED": "1",
            }
        )

    @property
    def _for_so_many(self) -> dict[str, str]:
        """One of each need give no notice before it ends; several share the connections that PostgreSQL has."""
        if self._settings.replicas == 1:
            return {"EVERDESK_STOP_NOTICE_SECONDS": "0"}
        return {"EVERDESK_DATABASE_POOL_SIZE": str(POOLED_IN_ALL // self._settings.replicas)}

    @property
    def _stream_size(self) -> dict[str, str]:
        size = self._settings.stream_max_bytes
        return {} if size is None else {"EVERDESK_STREAM_MAX_BYTES": str(size)}

    def _specific(self, service: str) -> dict[str, str]:
        own = {"EVERDESK_DATABASE_URL": self._postgres.url(service)}
        if service == "intake":
            own["EVERDESK_STORAGE_URL"] = str(self._settings.home / "files")
        if service == "assignment":
            own["EVERDESK_SESSION_SECRET"] = self._secrets.session
            own["EVERDESK_INTAKE_URL"] = self.urls["intake"]
            own["EVERDESK_NOTIFICATION_URL"] = self.urls["notification"]
        if service == "notification":
            own["EVERDESK_SMTP_HOST"] = HOST
            own["EVERDESK_SMTP_PORT"] = str(self._ports["mail_smtp"])
            own["EVERDESK_OPERATOR_TOKEN"] = self._secrets.operator
        return own

    def _seed(self, service: str) -> dict[str, str]:
        if service == "intake":
            return {} if self.is_empty else {"EVERDESK_SEED_API_KEY": self._secrets.api_key}
        if self.is_empty:
            return {"EVERDESK_SETUP_TOKEN": self._secrets.setup}
        return {"EVERDESK_SEED_PASSWORD": self._secrets.agent_password}


def _readyz(part: HttpServiceSpec) -> str:
    return f"http://{HOST}:{part.port}/readyz"
