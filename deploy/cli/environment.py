"""What a command needs to know: from its environment, as in a container, or from the local stack's own records."""

import os
from pathlib import Path

from pydantic import ValidationError

from deploy.cli.errors import CliError
from deploy.local.plan import CHECKOUT, SERVICES, Composition
from deploy.local.running_stack import RunningStack
from deploy.local.service_spec import StackSpec
from deploy.local.settings import load_settings
from deploy.local.stack_secrets import load_or_create
from deploy.local.state_folder import StateFolder
from shared.kit.settings import Settings

NATS_URL = "EVERDESK_NATS_URL"
DATABASE_URL = "EVERDESK_DATABASE_URL"
NAMED_DATABASE_URLS = {name: f"EVERDESK_BACKUP_{name.upper()}_URL" for name in SERVICES}
PROCESS_URLS = "EVERDESK_PROCESS_URLS"
TEMPORAL_ADDRESS = "EVERDESK_TEMPORAL_ADDRESS"


def home() -> Path:
    """The state folder of the local stack: the one named, the one here, or that of the checkout."""
    here = load_settings(None).home
    return here if "EVERDESK_HOME" in os.environ or here.exists() else CHECKOUT / here.name


def running_stack() -> RunningStack:
    """The local stack. Raises LocalStackError if none runs."""
    return RunningStack.load(home())


def local_plan() -> StackSpec:
    """The local stack as it was started: its processes and what each was told. Raises LocalStackError if none runs."""
    stack, state = running_stack(), StateFolder(home())
    if not state.secrets.exists():
        raise CliError(
            f"There are no secrets in {state.path}, so this stack was not started by 'make run'. Run this command "
            "where the service's own EVERDESK_* settings are, such as inside its container."
        )
    return Composition(load_settings(state.path), load_or_create(state.secrets), stack.ports).plan()


def named_environments() -> dict[str, dict[str, str]]:
    """By service: our environment with that service's database, as named for the compose file's `operator`."""
    if os.environ.get(DATABASE_URL) or not all(os.environ.get(name) for name in NAMED_DATABASE_URLS.values()):
        return {}
    return {service: os.environ | {DATABASE_URL: os.environ[name]} for service, name in NAMED_DATABASE_URLS.items()}


def named_process_urls() -> dict[str, str]:
    """Where processes answer for their health, as EVERDESK_PROCESS_URLS says: `intake=http://intake:8001 worker=…`."""
    return dict(pair.split("=", 1) for pair in os.environ.get(PROCESS_URLS, "").split())


def environment_of(process: str, needed: str) -> dict[str, str]:
    """The environment of one process: ours if it says what is `needed`, else the local stack's."""
    if named := named_environments().get(process):
        return named
    if os.environ.get(needed):
        return dict(os.environ)
    part = next(part for part in local_plan().parts if part.name == process)
    return dict(part.engine.launch().env)


def bus_settings() -> Settings:
    """How to reach NATS. Raises CliError if the settings do not suffice."""
    given = environment_of("notification", NATS_URL)
    values = {name: given[f"EVERDESK_{name.upper()}"] for name in Settings.model_fields if _is_given(name, given)}
    try:
        return Settings(**values)  # type: ignore[arg-type]
    except ValidationError as problem:
        wrong = "; ".join(f"EVERDESK_{str(error['loc'][0]).upper()}: {error['msg']}" for error in problem.errors())
        raise CliError(f"A setting cannot be used. {wrong}.") from None


def database_url(service: str) -> str:
    """A service's database, as SQLAlchemy writes it."""
    return environment_of(service, DATABASE_URL)[DATABASE_URL]


def _is_given(name: str, environment: dict[str, str]) -> bool:
    return f"EVERDESK_{name.upper()}" in environment
