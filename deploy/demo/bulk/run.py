"""The run: accept everything, work everything, compare everything, and say how it went."""

import asyncio
from collections import Counter
from collections.abc import Sequence

from deploy.demo.attainment import in_short, reported, verdicts_of
from deploy.demo.bulk.bounded_map import map_bounded
from deploy.demo.bulk.compare import Difference, TicketOutcome, differences, repeated_numbers
from deploy.demo.bulk.dataset import RealTicket
from deploy.demo.bulk.mailboxes import mailbox_differences
from deploy.demo.bulk.progress_meter import ProgressMeter
from deploy.demo.bulk.ticket_work import AcceptedTicket, TicketWork, WorkedTicket, WorkRefused
from deploy.demo.checks import DemoError, StepFailed, until
from deploy.demo.console import DemoConsole
from deploy.demo.mails import in_ledger
from deploy.demo.staff import DemoStaff

LISTED = 20
PATIENCE = 120.0
"""Seconds, over all tickets, that projections and mails may take after the last close."""
_LOOK_AGAIN = 0.2


class BulkRun:
    """One run over real tickets."""

    def __init__(self, company: DemoStaff, show: DemoConsole, name: str, at_once: int) -> None:
        self._company = company
        self._show = show
        self._work = TicketWork(company, name)
        self._at_once = at_once
        self._patience = PATIENCE

    async def go(self, tickets: Sequence[RealTicket], *, is_resumed: bool) -> None:
        """All of it. Raises StepFailed if anything came out other than it went in."""
        with ProgressMeter(self._show.console, "accepted", len(tickets)) as accepting:
            answers = await map_bounded(tickets, self._work.submit, self._at_once, accepting.one_done)
        accepted = [answer for answer in answers if isinstance(answer, AcceptedTicket)]
        refused = [answer for answer in answers if isinstance(answer, WorkRefused)]
        if not accepted:
            raise DemoError(f"None of the {len(tickets)} tickets was accepted. The first: {refused[0].reason}")
        with ProgressMeter(self._show.console, "worked", len(accepted)) as working:
            worked = await map_bounded(accepted, self._work.close, self._at_once, working.one_done)
        with ProgressMeter(self._show.console, "compared", len(worked)) as comparing:
            found = await map_bounded(worked, self._compare, self._at_once, comparing.one_done)
        mismatches = repeated_numbers(worked) + [one for several in found for one in several]
        mismatches += await mailbox_differences(self._company.mail, worked)
        report = await self._compare_report(worked, is_resumed=is_resumed)
        self._show.table(
            "What came out, compared with what went in",
            [
                ("tickets read", len(tickets), ""),
                ("accepted", len(accepted), f"{accepting.rate:.1f}/s"),
                ("refused by validation", len(refused), ""),
                ("worked to their close", len(worked), f"{working.rate:.1f}/s"),
                ("verdicts in the SLA report", report, ""),
                ("mismatches", len(mismatches), ""),
            ],
        )
        self._list(refused, mismatches)
        if mismatches:
            raise StepFailed("comparing what came out", "0 mismatches", f"{len(mismatches)}, listed above")

    async def _compare(self, worked: WorkedTicket) -> list[Difference]:
        """Looks until nothing differs, as long as the run's patience lasts."""
        while found := differences(await self._look(worked)):
            if self._patience <= 0:
                break
            self._patience -= _LOOK_AGAIN
            await asyncio.sleep(_LOOK_AGAIN)
        return found

    async def _look(self, worked: WorkedTicket) -> TicketOutcome:
        ticket_id, lead, intake = worked.accepted.id, self._company.overseer, self._company.intake
        ledger = self._company.ledger
        return TicketOutcome(
            worked=worked,
            intake=await intake.get_ticket(ticket_id),
            intake_messages=[message async for message in intake.list_messages(ticket_id)],
            desk=await lead.ticket(ticket_id),
            desk_entries=await lead.entries(ticket_id),
            timeline=[str(event["type"]) for event in await lead.timeline(ticket_id)],
            mails=in_ledger(await ledger.deliveries(ticket_id)) if ledger else None,
        )

    async def _compare_report(self, worked: Sequence[WorkedTicket], *, is_resumed: bool) -> int:
        """How many verdicts of this run the report counts. Raises StepFailed if it is another number.

        A resumed run began earlier: others may have worked in between, so then it is at least as many.
        """
        ours = verdicts_of(one.ticket for one in worked)
        since = min(str(one.ticket["created_at"]) for one in worked)
        await until(
            "the SLA report counts this run's verdicts, if nobody else used the stack meanwhile",
            lambda: self._company.overseer.sla_report(since),
            lambda seen: reported(seen) >= ours if is_resumed else reported(seen) == ours,
            in_short(ours),
            within=30.0,
        )
        return ours.total()

    def _list(self, refused: Sequence[WorkRefused], mismatches: Sequence[Difference]) -> None:
        if refused:
            rows = Counter(one.reason for one in refused).most_common()
            lines = {reason: [str(one.source.line) for one in refused if one.reason == reason] for reason, _ in rows}
            self._show.table(
                "refused by validation", [(count, why, f"lines {', '.join(lines[why][:5])}") for why, count in rows]
            )
        if mismatches:
            self._show.table(
                f"Mismatches (first {LISTED})",
                [
                    (
                        f"line {one.line}",
                        one.number,
                        one.what,
                        f"expected {one.expected!r:.120}",
                        f"found {one.found!r:.120}",
                    )
                    for one in mismatches[:LISTED]
                ],
            )
