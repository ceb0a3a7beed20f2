"""PostgreSQL, NATS and Temporal as child processes, the same for the one-command stack and for tests."""

from deploy.local.engines.base import Engine
from deploy.local.engines.nats import Nats
from deploy.local.engines.postgres import Postgres
from deploy.local.engines.stack import Stack, stack
from deploy.local.engines.temporal import Temporal

__all__ = ["Engine", "Nats", "Postgres", "Stack", "Temporal", "stack"]
