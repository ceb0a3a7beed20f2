"""The commands under `everdesk sla`: what they find goes to standard output, how far they are to standard error."""

import asyncio
import time
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from deploy.cli.errors import CliError, friendly_errors
from deploy.cli.sla.database import reading
from deploy.cli.sla.verify import VerificationResult, list_verifiable, verify_tickets
from deploy.cli.sla.what_if import question_of, show
from services.assignment.schemas.explanations import SlaExplained
from services.assignment.schemas.what_if import WhatIfInput, WhatIfReport
from services.assignment.sla_analysis.explanations import find_ticket, get_explanation
from services.assignment.sla_analysis.what_if import what_if
from services.assignment.web.sla_explanation_view import ExplanationView, story_of
from shared.kit.clock import utc_now
from shared.kit.http.problems import Problem

LISTED = 20
DIFFERENT, UNVERIFIABLE = 1, 3
"""Exit statuses of `verify`."""
AGAIN_AFTER = 2.0
"""Seconds after which what differs is looked at again: on a busy system a verdict may be a moment behind its cause."""
EVERY = 5.0
"""Seconds between two lines of progress."""

console = Console(highlight=False, markup=False, soft_wrap=True)
errors = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
app = typer.Typer(
    no_args_is_help=True, help="Prove and explain the service-level verdicts, and judge under other rules."
)


class Progress:
    """A line every few seconds, and none for what is done sooner."""

    def __init__(self, unit: str = "tickets") -> None:
        self._unit = unit
        self._said_at = time.monotonic()

    def __call__(self, done: int, of: int) -> None:
        if time.monotonic() - self._said_at >= EVERY:
            self._said_at = time.monotonic()
            errors.print(f"{done} of {of} {self._unit} ({done / of:.0%})", style="dim")


@app.command(epilog="Example: everdesk sla verify")
@friendly_errors
def verify() -> None:
    """Compute every recorded verdict again from the event log; exit 1 if one differs, 3 if one cannot be verified."""
    found = asyncio.run(_verify())
    for one in found.differences[:LISTED]:
        console.print(f"{one.ticket_id}  {one.metric} {one.cycle}", style="red")
        console.print(f"  recorded  {one.recorded}\n  computed  {one.computed}")
    for ticket_id, why in list(found.unverifiable.items())[:LISTED]:
        console.print(f"{ticket_id}  cannot be verified: {why}", style="yellow")
    console.print(
        f"{found.verdicts} recorded verdicts of {found.tickets} tickets: {len(found.differences)} differ, "
        f"{len(found.unverifiable)} tickets cannot be verified",
        style="green" if found.is_clean else "red",
    )
    if not found.is_clean:
        raise typer.Exit(DIFFERENT if found.differences else UNVERIFIABLE)


async def _verify() -> VerificationResult:
    async with reading() as connection:
        found = await verify_tickets(connection, await list_verifiable(connection), Progress())
    if found.is_clean:
        return found
    await asyncio.sleep(AGAIN_AFTER)
    doubtful = sorted({*found.unverifiable, *(one.ticket_id for one in found.differences)})
    async with reading() as connection:
        again = await verify_tickets(connection, doubtful, Progress())
    found.differences, found.unverifiable = again.differences, again.unverifiable
    return found


@app.command(epilog="Example: everdesk sla explain 100042")
@friendly_errors
def explain(
    number: Annotated[str, typer.Argument(help="The ticket's number")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="As the API answers it")] = False,
) -> None:
    """Tell why the clocks of a ticket stand as they do: what counted, who held the time, what would have met it."""
    told = asyncio.run(_explain(number))
    if as_json:
        console.out(told.model_dump_json(indent=2))
        return
    if not told.clocks:
        console.print("The ticket has no clocks: it is not triaged, or its policy sets no targets.")
    for clock in told.clocks:
        _print_story(story_of(clock))


async def _explain(number: str) -> SlaExplained:
    async with reading() as connection:
        found = await find_ticket(connection, number)
        if found is None:
            raise CliError(f"There is no ticket {number}.")
        try:
            return await get_explanation(connection, *found, utc_now())
        except Problem as problem:
            raise CliError(f"The ticket cannot be explained: {problem.detail}.") from None


@app.command("what-if", epilog="Example: everdesk sla what-if --policy new.json --from 2026-01-01")
@friendly_errors
def what_if_command(
    policy: Annotated[Path, typer.Option(help="The SLA policy as JSON, as /v1/sla-policies takes it")],
    *,
    calendar: Annotated[Path | None, typer.Option(help="A calendar as JSON, instead of the one it names")] = None,
    replaces: Annotated[
        str | None, typer.Option(help="The id of the policy whose place it takes, or 'all'; else the one of its name")
    ] = None,
    since: Annotated[str | None, typer.Option("--from", help="Verdicts settled from this day or instant on")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Verdicts settled before it")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As the API answers it")] = False,
) -> None:
    """Judge history under another policy or calendar, and say what would be different. Writes nothing."""
    report = asyncio.run(_what_if(question_of(policy, calendar, replaces, since, until)))
    if as_json:
        console.out(report.model_dump_json(indent=2, by_alias=True))
    else:
        show(console, report)


async def _what_if(question: WhatIfInput) -> WhatIfReport:
    async with reading() as connection:
        try:
            return await what_if(connection, question, progress=Progress())
        except Problem as problem:
            raise CliError(f"This cannot be judged: {problem.detail or problem.code}.") from None


def _print_story(story: ExplanationView) -> None:
    colours = {"met": "green", "breached": "red", "overdue": "red"}
    console.print(f"\n{story.title}: {story.state}", style=f"bold {colours.get(story.state, '')}".strip())
    due = f", due {_shown(story.due_at)}" if story.due_at else ""
    console.print(f"  {story.lead}{due}")
    if story.end_by:
        would = "Ending by {} would have met it." if story.state == "breached" else "It had to end by {}."
        console.print("  " + " ".join([would.format(_shown(story.end_by)), *story.would_have]))
    for who, words in story.shares:
        console.print(f"  {who:<34} {words}")
    for line in story.lines:
        mark = "+" if line.is_counted else " "
        console.print(f"  {mark} {_shown(line.since)}  to  {_shown(line.until)}  {line.words}")
    for since, words in story.rules:
        console.print(f"  from {_shown(since)}  {words}", style="dim")


def _shown(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
