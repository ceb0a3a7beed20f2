"""`everdesk dead-letters`: events that a consumer could not handle."""

import asyncio
import json
from collections.abc import Awaitable
from typing import Annotated

import typer
from nats.js.errors import NotFoundError
from rich.console import Console

from deploy.cli.errors import CliError, friendly_errors
from deploy.cli.read_only_bus import connected
from shared.kit.bus import DeadLetter, DeadLetters

app = typer.Typer(no_args_is_help=True, help="List, read, replay and discard events that a consumer could not handle.")
EVERYTHING = 1_000_000
console = Console(highlight=False, markup=False, soft_wrap=True)

Sequences = Annotated[list[int], typer.Argument(min=1, help="Numbers as `list` shows them")]
OfConsumer = Annotated[str | None, typer.Option("--consumer", help="Only those of this consumer")]


@app.command("list", epilog="Example: everdesk dead-letters list --consumer notification")
@friendly_errors
def list_letters(
    consumer: OfConsumer = None,
    after: Annotated[int, typer.Option(min=0, help="Only numbers above this one")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many")] = 50,
) -> None:
    """List dead letters, oldest first."""
    letters = asyncio.run(_list(after, limit, consumer))
    for letter in letters:
        console.print(_line(letter))
    more = f"; there may be more: --after {letters[-1].sequence}" if len(letters) == limit else ""
    console.print(f"{len(letters)} dead letter{'' if len(letters) == 1 else 's'}{more}", style="dim")


@app.command(epilog="Example: everdesk dead-letters show 7")
@friendly_errors
def show(sequence: Annotated[int, typer.Argument(min=1, help="Number as `list` shows it")]) -> None:
    """Show one dead letter with its event, which may hold people's words and addresses."""
    letter = asyncio.run(_get(sequence))
    console.print(_line(letter))
    console.print(f"event     {letter.event_id}\nsubject   {letter.subject}\nerror     {letter.error}\n")
    try:
        console.print(json.dumps(json.loads(letter.payload), indent=2, ensure_ascii=False))
    except ValueError:
        console.print(letter.payload.decode(errors="replace"))


@app.command(epilog="Example: everdesk dead-letters replay 7 8    or: everdesk dead-letters replay --all")
@friendly_errors
def replay(
    sequences: Annotated[list[int] | None, typer.Argument(min=1, help="Numbers as `list` shows them")] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All of them, instead of numbers")] = False,
    consumer: OfConsumer = None,
) -> None:
    """Put events back for the consumer that failed, and no other."""
    if bool(sequences) == everything:
        raise CliError("Say which: numbers as 'list' shows them, or --all.")
    asyncio.run(_replay(sequences or [], consumer))


@app.command(epilog="Example: everdesk dead-letters discard 7 --yes")
@friendly_errors
def discard(sequences: Sequences, *, yes: Annotated[bool, typer.Option("--yes", help="Do not ask")] = False) -> None:
    """Remove dead letters for good."""
    if not yes:
        typer.confirm(f"Remove {len(sequences)} dead letter(s) for good?", abort=True)
    asyncio.run(_discard(sequences))


async def _list(after: int, limit: int, consumer: str | None) -> list[DeadLetter]:
    async with connected() as bus:
        try:
            return await DeadLetters(bus).list(after, limit, consumer)
        except NotFoundError:  # no service has made the stream yet
            return []


async def _get(sequence: int) -> DeadLetter:
    async with connected() as bus:
        return await _found(DeadLetters(bus).get(sequence), sequence)


async def _replay(sequences: list[int], consumer: str | None) -> None:
    async with connected() as bus:
        letters = DeadLetters(bus)
        chosen = sequences or [letter.sequence for letter in await letters.list(limit=EVERYTHING, consumer=consumer)]
        for sequence in chosen:
            console.print(f"replayed   {_line(await _found(letters.replay(sequence), sequence))}")
        console.print(f"{len(chosen)} put back; a consumer that fails again buries them again", style="dim")


async def _discard(sequences: list[int]) -> None:
    async with connected() as bus:
        for sequence in sequences:
            console.print(f"discarded  {_line(await _found(DeadLetters(bus).discard(sequence), sequence))}")


async def _found(asked: Awaitable[DeadLetter], sequence: int) -> DeadLetter:
    try:
        return await asked
    except LookupError:
        raise CliError(f"There is no dead letter {sequence}.") from None


def _line(letter: DeadLetter) -> str:
    at = f"{letter.buried_at:%Y-%m-%d %H:%M:%S}" if letter.buried_at else "-"
    return (
        f"{letter.sequence:>6}  {at}  {letter.consumer:<14} {letter.attempts} x  {letter.subject}  {letter.error[:80]}"
    )
