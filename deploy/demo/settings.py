"""What the demonstration is told: by `make demo TICKETS=... N=...`, or nothing at all."""

from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from deploy.demo.checks import DemoError


class DemoSettings(BaseSettings):
    """Variables as make passes them on; EVERDESK_HOME says where the stack keeps its state."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True)

    home: Path = Field(default=Path(".everdesk"), validation_alias="EVERDESK_HOME")
    tickets: Path | None = Field(default=None, validation_alias="TICKETS")
    """A file of real tickets; without one the seed story is played."""
    count: int = Field(default=500, ge=1, validation_alias="N")
    run: str | None = Field(default=None, pattern=r"^[a-z0-9-]{1,40}$", validation_alias="RUN")
    """The name of an earlier run to go on with; every request of a run has its own Idempotency-Key."""
    concurrency: int = Field(default=16, ge=1, le=200, validation_alias="CONCURRENCY")


def load_settings() -> DemoSettings:
    """The settings. Raises DemoError naming the variable that is wrong."""
    try:
        return DemoSettings()
    except ValidationError as problem:
        wrong = "; ".join(f"{error['loc'][0]}: {error['msg']}" for error in problem.errors())
        raise DemoError(f"A setting cannot be used. {wrong}.") from None
