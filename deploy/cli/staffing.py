"""`everdesk staffing`: simulates how many agents hold which attainment."""

import asyncio
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from pydantic import ValidationError
from pydantic_core import to_json
from rich.console import Console
from rich.table import Table

from deploy.cli.environment import DATABASE_URL, environment_of
from deploy.cli.errors import CliError, friendly_errors
from deploy.cli.sla.commands import Progress
from deploy.cli.sla.database import reading
from services.assignment.schemas.staffing import StaffingInput, StaffingPoint, StaffingReport
from services.assignment.staffing.run import simulate_staffing
from services.assignment.staffing.scenarios import StaffingQuestion
from services.assignment.web.admin.duration_text import format_duration_text, parse_duration_text
from services.assignment.what_if_process import EVERYTHING
from shared.kit.clock import utc_now
from shared.kit.http.problems import Problem

console = Console(highlight=False, markup=False, soft_wrap=True)
app = typer.Typer(no_args_is_help=True, help="Simulate how many agents hold which attainment.")
WIDE = 120


@app.callback()
def staffing() -> None:
    """Simulate how many agents hold which attainment."""


@app.command(epilog="Example: everdesk staffing simulate --team service-desk --agents 2-8 --rate 5 --mean 20m")
@friendly_errors
def simulate(  # noqa: PLR0913 - one option each
    *,
    question: Annotated[Path | None, typer.Option(help="All of it as JSON, as POST /v1/simulations takes it")] = None,
    team: Annotated[str | None, typer.Option(help="Id or slug; else all tickets")] = None,
    agents: Annotated[str, typer.Option(help="How many: 5, or from-to such as 2-8")] = "1-8",
    hours: Annotated[list[str] | None, typer.Option(help="Slug of a calendar; else round the clock")] = None,
    days: Annotated[int, typer.Option(help="Of the log, or generated")] = 28,
    rate: Annotated[float | None, typer.Option(help="Generate so many tickets per hour, instead of the log's")] = None,
    mean: Annotated[str | None, typer.Option(help="Work on a ticket, such as 20m; else as measured")] = None,
    distribution: Annotated[str, typer.Option(help="lognormal, exponential or fixed")] = "lognormal",
    goal: Annotated[float, typer.Option(help="The attainment that is enough, in percent")] = 90.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same figures")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="As the API answers it")] = False,
) -> None:
    """Run the rules of assignment and SLA over arrivals in compressed time. Writes nothing."""
    if question is not None:
        asked = _read(question)
    else:
        least, _, most = agents.partition("-")
        fields: dict[str, Any] = {"team": team, "hours": hours or [], "goal_percent": goal, "seed": seed}
        fields |= {"least": _number(least), "most": _number(most or least)}
        generated = {} if rate is None else {"source": "generated", "hourly_rates": [rate]}
        handling: dict[str, Any] = {}
        if mean is not None:
            handling = {"source": "given", "mean_seconds": _seconds(mean), "distribution": distribution}
        asked = _checked(to_json(fields | {"arrivals": {"days": days} | generated, "handling": handling}))
    report = asyncio.run(_simulate(asked))
    if as_json:
        console.out(report.model_dump_json(indent=2))
    else:
        show(report, asked)


async def _simulate(asked: StaffingInput) -> StaffingReport:
    async with reading() as connection:
        question = StaffingQuestion(asked, EVERYTHING, _zone(), utc_now())
        try:
            return await simulate_staffing(connection, question, Progress("arrivals"))
        except Problem as problem:
            raise CliError(f"This cannot be simulated: {problem.detail or problem.code}.") from None


def _zone() -> ZoneInfo:
    """The zone whose hours the rates are of, as the service has it."""
    return ZoneInfo(environment_of("assignment", DATABASE_URL).get("EVERDESK_TIME_ZONE") or "UTC")


def show(report: StaffingReport, asked: StaffingInput) -> None:
    """Prints what was simulated, a line for each number of agents, and which is enough."""
    work = format_duration_text(round(report.mean_handling_seconds), has_days=False)
    tickets = f"{report.arrivals} tickets ({report.arrivals_per_hour:g} per hour)"
    console.print(f"{tickets}, {work} of work each, policy {report.policy}.", style="bold")
    metrics = [one.metric.value.replace("_", " ") for one in report.points[0].metrics]
    table = Table("agents", *metrics, "mean wait", "p90 wait", "busy", "not done", "Erlang C", "enough")
    for point in report.points:
        table.add_row(*_cells(point))
    console.width = max(console.width, WIDE)
    console.print(table)
    if report.enough is None:
        console.print(f"None of these holds {asked.goal_percent:g} % in every metric.", style="yellow")
    else:
        console.print(f"{report.enough} hold {asked.goal_percent:g} % in every metric.", style="green")
    for caveat in report.cannot_foresee:
        console.print(f"- {caveat}", style="dim")


def _cells(point: StaffingPoint) -> list[str]:
    formula = _time(point.erlang_c.mean_wait_seconds) if point.erlang_c else "-"
    return [
        str(point.agents),
        *("-" if one.attainment is None else f"{one.attainment:.1f} %" for one in point.metrics),
        _time(point.mean_wait_seconds),
        _time(point.p90_wait_seconds),
        "-" if point.busy_share is None else f"{point.busy_share:.0f} %",
        str(point.unfinished),
        formula,
        "yes" if point.is_enough else "no",
    ]


def _time(seconds: float) -> str:
    return format_duration_text(round(seconds), has_days=False)


def _read(path: Path) -> StaffingInput:
    try:
        return _checked(path.read_bytes())
    except OSError as problem:
        raise CliError(f"{path} cannot be read: {problem}") from None


def _checked(body: bytes) -> StaffingInput:
    try:
        return StaffingInput.model_validate_json(body)
    except ValidationError as problem:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in problem.errors())
        raise CliError(f"This cannot be asked. {wrong}.") from None


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise CliError("Write --agents as 5 or 2-8.")
    return int(text)


def _seconds(text: str) -> int:
    try:
        seconds = parse_duration_text(text)
    except ValueError as problem:
        raise CliError(f"--mean: {problem}.") from None
    if not isinstance(seconds, int):
        raise CliError("Write --mean as a time such as 20m.")
    return seconds
