"""`python -m deploy.demo`, which is what `make demo` runs."""

import asyncio
import sys
import time
from datetime import timedelta

from deploy.demo.bulk.dataset import read
from deploy.demo.bulk.run import BulkRun
from deploy.demo.checks import DemoError
from deploy.demo.console import DemoConsole, seconds
from deploy.demo.settings import DemoSettings, load_settings
from deploy.demo.staff import sign_in_staff
from deploy.demo.story import SUBJECT, Story, run_name
from deploy.local.errors import LocalStackError
from deploy.local.running_stack import RunningStack
from services.intake.client import IntakeError
from shared.kit.clock import utc_now


def main() -> int:
    """0 if everything was as it should be, 1 if not, 130 when interrupted."""
    show = DemoConsole()
    try:
        settings = load_settings()
        stack = RunningStack.load(settings.home)
        asyncio.run(feed(settings, stack, show) if settings.tickets else play(stack, show))
    except (DemoError, IntakeError, LocalStackError) as problem:
        show.failed(str(problem))
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


async def play(stack: RunningStack, show: DemoConsole) -> None:
    """The seed story."""
    started = time.monotonic()
    show.title(f'Everdesk: "{SUBJECT}"', f"through the public APIs of {stack.urls.intake} and {stack.urls.assignment}")
    async with sign_in_staff(stack) as everybody:
        await Story(everybody, show, run_name(utc_now())).play()
    show.done(f"The story went as it should ({seconds(timedelta(seconds=time.monotonic() - started))}).")


async def feed(settings: DemoSettings, stack: RunningStack, show: DemoConsole) -> None:
    """Real tickets in quantity."""
    if settings.tickets is None:
        raise DemoError("TICKETS names the file of tickets to feed.")
    tickets = read(settings.tickets, settings.count)
    name = settings.run or run_name(utc_now())
    show.title(
        f"Everdesk: {len(tickets)} real tickets from {settings.tickets.name}",
        f"run {name} (RUN={name} goes on with it), {settings.concurrency} requests at once",
    )
    async with sign_in_staff(stack, connections=settings.concurrency + 4) as everybody:
        await BulkRun(everybody, show, name, settings.concurrency).go(tickets, is_resumed=settings.run is not None)
    show.done("Every ticket came out as it went in.")


if __name__ == "__main__":
    sys.exit(main())
