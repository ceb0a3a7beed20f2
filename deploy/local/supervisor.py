"""Brings the stack up in the order of its dependencies, keeps it up, and takes it down backwards."""

import asyncio
import signal
from contextlib import suppress

from deploy.local import orphan_cleanup, taken_ports
from deploy.local.child import Child, run_job
from deploy.local.console import Console
from deploy.local.plan import SERVICES, Composition, found_ports, kind_of
from deploy.local.service_spec import HttpServiceSpec, StackSpec
from deploy.local.settings import LocalSettings
from deploy.local.stack_file import StackFile
from deploy.local.stack_secrets import StackSecrets, load_or_create
from deploy.local.state_folder import StateFolder
from deploy.local.stream_space import stream_bytes
from deploy.local.welcome import welcome

_REMINDER_EVERY = 5.0
_SETTLES_WITHIN = 15.0
_ASK_AGAIN = 0.2
_VITAL = ("bus", "stream")
_SECOND_REQUEST_AFTER = 0.7  # `make` passes a signal on that the terminal has sent us already


class Supervisor:
    def __init__(self, settings: LocalSettings, console: Console) -> None:
        self._settings = settings
        self._console = console
        self._state = StateFolder(settings.home)
        self._children: dict[str, Child] = {}
        self._done: dict[str, asyncio.Event] = {}
        self._waiting: dict[str, str] = {}
        self._is_up = False
        self._stop_asked_at: float | None = None
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """From an empty machine to a running stack, until somebody asks for the end."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        self._state.make()
        with self._state.lock():
            self._clean_up_after_a_kill()
            self._state.check_space()
            self._make_room_for_the_stream()
            taken_ports.check_fixed_ports(self._settings.fixed_ports)
            secrets = load_or_create(self._state.secrets)
            reserved = frozenset(self._settings.fixed_ports.values())
            ports = self._state.engine_ports(found_ports(self._settings.replicas), reserved)
            composition = Composition(self._settings, secrets, ports)
            self._listen_for_the_end()
            await self._serve(composition, secrets, started)

    def _make_room_for_the_stream(self) -> None:
        size, remark = stream_bytes(self._settings.home, self._settings.stream_max_bytes)
        if remark is not None:
            self._console.say(remark, "yellow")
        self._settings = self._settings.model_copy(update={"stream_max_bytes": size})

    async def _serve(self, composition: Composition, secrets: StackSecrets, started: float) -> None:
        plan = composition.plan()
        self._file = StackFile(
            self._state.stack, composition.urls, plan.ports, secrets, has_demo=not composition.is_empty
        )
        self._console.say(f"Starting; state and logs are in {self._state.path}")
        work = asyncio.create_task(self._bring_up_and_keep_up(plan, composition, secrets, started))
        end = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({work, end}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                await work
        finally:
            work.cancel()
            end.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await work
            await self._take_down()

    async def _bring_up_and_keep_up(
        self, plan: StackSpec, composition: Composition, secrets: StackSecrets, started: float
    ) -> None:
        for part in plan.parts:
            self._children[part.name] = child = Child(part, self._state.logs, self._console, self._changed)
            self._done[part.name] = child.ready
        self._done |= {job.name: asyncio.Event() for job in plan.jobs}
        try:
            async with asyncio.TaskGroup() as group:
                for job in plan.jobs:
                    group.create_task(self._do(plan, job.name))
                for child in self._children.values():
                    group.create_task(self._keep(child))
                group.create_task(self._announce(composition, secrets, started))
        except ExceptionGroup as problems:
            raise problems.exceptions[0] from None

    async def _do(self, plan: StackSpec, name: str) -> None:
        job = next(job for job in plan.jobs if job.name == name)
        await self._all_done(job.after)
        self._waiting[name] = f"{name} to finish"
        await run_job(job, self._state.logs, self._console)
        self._console.say(f"{name} is done", "green")
        self._waiting.pop(name)
        self._done[name].set()

    async def _keep(self, child: Child) -> None:
        await self._all_done(child.spec.after)
        self._waiting[child.spec.name] = child.spec.waits_for
        self._console.say(f"Starting {child.spec.name}, waiting for {child.spec.waits_for}")
        await child.keep_running()

    async def _all_done(self, names: tuple[str, ...]) -> None:
        for name in names:
            await self._done[name].wait()

    async def _announce(self, composition: Composition, secrets: StackSecrets, started: float) -> None:
        """Say what is still missing while it is, and the addresses once nothing is."""
        loop = asyncio.get_running_loop()
        everything = asyncio.create_task(self._all_done(tuple(self._done)))
        while not (await asyncio.wait({everything}, timeout=_REMINDER_EVERY))[0]:
            missing = [what for name, what in self._waiting.items() if not self._done[name].is_set()]
            self._console.say(f"Still waiting for {', '.join(missing)}")
        self._is_up = True
        self._changed()
        if degraded := await self._degraded_after_a_while():
            self._console.say(f"Everdesk is up, but not all of it works: {degraded}; see {self._state.logs}", "red")
            return
        welcome(
            self._console,
            composition.urls,
            secrets,
            composition.mail_in,
            loop.time() - started,
            composition.setup_url,
        )

    async def _degraded_after_a_while(self) -> str:
        """What the services name as degraded of the bus, once they have had some seconds to reach it."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _SETTLES_WITHIN
        parts = [
            child.spec.engine for child in self._children.values() if isinstance(child.spec.engine, HttpServiceSpec)
        ]
        while True:
            named = {part.name: await part.degraded() for part in parts}
            found = [f"{name} has no {what}" for name, several in named.items() for what in several if what in _VITAL]
            if not found or loop.time() > deadline:
                return ", ".join(found)
            await asyncio.sleep(_ASK_AGAIN)

    @property
    def _pids(self) -> dict[str, int]:
        return {name: child.pid for name, child in self._children.items() if child.pid is not None}

    def _changed(self) -> None:
        """Writes down which processes run; on a full disk, as soon as there is space again."""
        try:
            orphan_cleanup.record(self._state.children, self._pids)
            if self._is_up:
                self._file.write(self._pids)
        except OSError:
            if not self._stop.is_set():
                asyncio.get_running_loop().call_later(_REMINDER_EVERY, self._changed)

    async def _take_down(self) -> None:
        self._is_up = False
        self._file.remove()
        self._console.say("Stopping")
        for kinds in ((*SERVICES, "mail_in"), ("worker",)):
            await asyncio.gather(*(child.stop() for name, child in self._children.items() if kind_of(name) in kinds))
        for child in reversed(self._children.values()):
            await child.stop()
        self._state.children.unlink(missing_ok=True)
        self._console.say("Stopped; nothing is left running")

    def _clean_up_after_a_kill(self) -> None:
        self._state.stack.unlink(missing_ok=True)
        found = orphan_cleanup.find(self._state.children)
        if found:
            names = ", ".join(leftover.name for leftover in found)
            self._console.say(f"Cleaning up what a killed run left behind: {names}", "yellow")
            orphan_cleanup.end(found)

    def _listen_for_the_end(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._asked_to_stop)

    def _asked_to_stop(self) -> None:
        now = asyncio.get_running_loop().time()
        if self._stop_asked_at is None:
            self._stop_asked_at = now
            self._stop.set()
        elif now - self._stop_asked_at > _SECOND_REQUEST_AFTER:
            self._console.say("Asked twice: killing everything", "red")
            self._killing = [asyncio.create_task(child.kill()) for child in self._children.values()]
