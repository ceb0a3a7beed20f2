"""What the supervisor and the tests may ask of every engine."""

from typing import Protocol

from deploy.local.process import Launch


class Engine(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def ports(self) -> dict[str, int]:
        """Port numbers by the name they have in `stack.json`."""

    async def prepare(self) -> None:
        """Make the state folder ready for a start, also after a crash; safe to repeat."""

    def launch(self) -> Launch: ...

    async def wait_ready(self, within: float) -> None:
        """Return once clients can work; raise `NotReadyError` otherwise."""

    async def answers(self) -> bool:
        """Whether it works right now, asked while it runs; what does not for long is started again."""
