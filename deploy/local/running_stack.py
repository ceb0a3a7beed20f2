"""The stack that runs right now, as `stack.json` describes it."""

import ssl
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from deploy.local.errors import LocalStackError
from deploy.local.state_folder import StateFolder


class StackDescription(BaseModel):
    """A part of the file; what a newer stack adds is ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Urls(StackDescription):
    """Where the public APIs are."""

    intake: str
    assignment: str
    notification: str
    mail: str | None = None


class AgentLogin(StackDescription):
    """One of the demo agents."""

    email: str
    password: SecretStr
    role: str


class Credentials(StackDescription):
    """What opens the APIs."""

    api_key: SecretStr
    operator_token: SecretStr | None = None
    agents: tuple[AgentLogin, ...]


class RunningStack(StackDescription):
    """`stack.json`: there while the stack runs, gone when it has stopped."""

    urls: Urls
    ports: dict[str, int] = Field(default_factory=dict)
    pids: dict[str, int] = Field(default_factory=dict)
    credentials: Credentials
    ca_file: Path | None = None
    """The authority of a front door's certificate, where it is one of its own."""

    @property
    def trusts(self) -> ssl.SSLContext | bool:
        """Whose certificates to believe: those of that authority, else of the usual ones."""
        return ssl.create_default_context(cafile=self.ca_file) if self.ca_file else True

    @classmethod
    def load(cls, home: Path) -> "RunningStack":
        """Raises LocalStackError if no stack runs from this folder."""
        file = StateFolder(home.absolute()).stack
        try:
            return cls.model_validate_json(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise LocalStackError(
                f"No stack runs from {file.parent}. Start one in another terminal with 'make run', wait until it "
                "says that it is ready, and try again. (EVERDESK_HOME names the folder of a stack that runs elsewhere.)"
            ) from None
        except (OSError, ValidationError) as problem:
            raise LocalStackError(
                f"{file} does not describe a stack: {problem}. Restart the stack with 'make run'."
            ) from None
