"""The seed story, "Online banking system down", from the first call for help to the report: a verb a line."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from deploy.demo import mails
from deploy.demo.attainment import in_short, lines_of, reported, verdicts_of
from deploy.demo.checks import DemoError, StepFailed, equal, until
from deploy.demo.console import DemoConsole, format_state, state_of
from deploy.demo.staff import VIEW_ONLY, DemoStaff
from services.intake.client import NewTicket, Person

REQUESTER = Person(email="dana.ruiz@bank.example", name="Dana Ruiz", phone="555 1234567 X12")
SUBJECT = "Online banking system down"
BODY = "Log-in answers 502 since nine o'clock; forty customers at our branch cannot pay."
NOTE = "The gateway's certificate expired at 09:00; operations is renewing it."
REPLY = "We have found the cause, an expired certificate, and are renewing it now. Expect service within the hour."
ANSWER = "Some customers can log in again, others still see the error."
SECOND_REPLY = "Thank you, that helps: one of two gateways was left. It is done now, please try again."
RELAPSE = "It worked for five minutes and is down again."
SEEDED_PRIORITY = "high"
"""What the seeded rule for the topic online-banking sets when the requester asks for none."""

Ticket = dict[str, Any]


class Story:
    """One ticket's whole life. Every verb does something, checks what it led to, and shows it."""

    def __init__(self, company: DemoStaff, show: DemoConsole, run: str) -> None:
        self._company = company
        self._show = show
        self._run = run
        self._steps = 0
        self._ticket: Ticket = {}
        self._mails: mails.Expected = Counter()

    async def play(self) -> None:
        """The whole story. Raises StepFailed at the first thing that is not as it should be."""
        await self.requester_opens_the_ticket()
        await self.rules_triage_and_assign_it()
        await self.viewer_reads_but_changes_nothing()
        await self.assignee_adds_a_note()
        await self.assignee_replies_in_time()
        await self.assignee_waits_for_the_requester()
        await self.assignee_resumes()
        await self.assignee_waits_for_the_requester()
        await self.requester_answers_and_work_resumes()
        await self.assignee_replies_again()
        await self.assignee_resolves()
        await self.requester_writes_and_it_reopens()
        await self.assignee_resolves()
        await self.assignee_closes()
        await self.requester_sees_it_closed()
        await self.report_shows_it()
        await self.check_mails_sent()

    # -- the beginning -------------------------------------------------------------------------------------------

    async def requester_opens_the_ticket(self) -> None:
        request = NewTicket(requester=REQUESTER, subject=SUBJECT, body=BODY, topic="online-banking")
        key = self._key()
        opened = await self._company.intake.submit(request, idempotency_key=key)
        equal("the new ticket's status", opened.status, "new")
        equal("the new ticket's subject", opened.subject, SUBJECT)
        again = await self._company.intake.submit(request, idempotency_key=key)
        equal("sending the same request again gives the same ticket", again.id, opened.id)
        self._ticket = opened.model_dump(mode="json")
        self._expect("acknowledgement", REQUESTER.email)
        self._show.step(f'{REQUESTER.name} asks for help: ticket {opened.number}, "{SUBJECT}"', self._ticket)

    async def rules_triage_and_assign_it(self) -> None:
        lead = self._company.overseer
        found = await until(
            "the ticket is triaged and assigned",
            lambda: lead.find_ticket(self._ticket["id"]),
            lambda seen: bool(seen and seen["status"] == "open" and seen["assignee_id"]),
            "status open, with an assignee",
        )
        self._ticket = found or {}
        equal("the subject agents see", self._ticket["subject"], SUBJECT)
        equal("the priority that the topic's rule sets", self._ticket["priority"], SEEDED_PRIORITY)
        self._running("first_response")
        self._running("resolution")
        self._desk = self._company.desk_of(self._ticket["assignee_id"])
        self._expect("assigned", self._desk.agent.email)
        self._show.step(f"The rules triage it and assign {self._desk.agent.name}", self._ticket)
        await self._show_why()

    async def viewer_reads_but_changes_nothing(self) -> None:
        viewer = self._company.one_with(VIEW_ONLY)
        before = await viewer.ticket(self._ticket["id"])
        equal("what a viewer may do", before["allowed_actions"], [])
        for verb, body in (("replies", {"body": "I should not write"}), ("resolve", {})):
            refused = await viewer.attempt(self._ticket["id"], verb, key=self._key(), **body)
            equal(f"{viewer.agent.name} trying {verb}", refused.status, 403)
        after = await viewer.ticket(self._ticket["id"])
        equal("the ticket after refused attempts", after, before)
        equal("public messages after refused attempts", len(await viewer.messages(self._ticket["id"])), 1)
        self._show.step(f"{viewer.agent.name} ({VIEW_ONLY}) reads it; replying and resolving are refused", after)

    # -- the work ------------------------------------------------------------------------------------------------

    async def assignee_adds_a_note(self) -> None:
        self._ticket = await self._act("notes", body=NOTE)
        equal("the notes agents see", [note["body"] for note in await self._desk.notes(self._ticket["id"])], [NOTE])
        equal("what the requester can read", await self._conversation(), [BODY])
        self._step("notes what it is, for colleagues only")

    async def assignee_replies_in_time(self) -> None:
        self._ticket = await self._reply(REPLY)
        self._settled("first_response", 1, "met")
        self._step("replies; the first response is in time")
        await self._requester_reads(REPLY)

    async def assignee_waits_for_the_requester(self) -> None:
        self._ticket = await self._act("pend")
        equal("the status after pend", self._ticket["status"], "pending")
        equal("the resolution clock while pending", state_of(self._clock("resolution")), "paused")
        self._step("waits for the requester")

    async def assignee_resumes(self) -> None:
        self._ticket = await self._act("resume")
        equal("the status after resume", self._ticket["status"], "open")
        self._running("resolution")
        self._step("goes on after all")

    async def requester_answers_and_work_resumes(self) -> None:
        await self._requester_writes(ANSWER)
        await self._until_open()
        self._running("resolution")
        self._running("next_response")
        self._show.step(f"{REQUESTER.name} answers, and work resumes by itself", self._ticket)

    async def assignee_replies_again(self) -> None:
        self._ticket = await self._reply(SECOND_REPLY)
        self._settled("next_response", 1, "met")
        self._step("replies again; the next response is in time")
        await self._requester_reads(SECOND_REPLY)

    async def assignee_resolves(self) -> None:
        self._ticket = await self._act("resolve")
        equal("the status after resolve", self._ticket["status"], "resolved")
        running = [clock["metric"] for clock in self._clocks() if clock["state"] != "settled"]
        equal("clocks that run on after resolve", running, [])
        self._settled("resolution", int(self._clock("resolution")["cycle"]), "met")
        self._expect("resolved", REQUESTER.email)
        self._step("resolves it" if not self._ticket["reopen_count"] else "resolves it again")

    async def requester_writes_and_it_reopens(self) -> None:
        first = self._clock("resolution")
        await self._requester_writes(RELAPSE)
        await self._until_open()
        equal("how often it was reopened", self._ticket["reopen_count"], 1)
        self._running("resolution")
        equal("the cycle of resolution after reopening", self._clock("resolution")["cycle"], first["cycle"] + 1)
        self._settled("resolution", first["cycle"], "met")
        self._show.step(f"{REQUESTER.name} writes that it is down again, which reopens it", self._ticket)

    async def assignee_closes(self) -> None:
        self._ticket = await self._act("close", reason="resolved")
        equal("the status after close", self._ticket["status"], "closed")
        equal("what can still be done", self._ticket["allowed_actions"], ["reopen"])
        self._step("closes it")

    # -- what remains --------------------------------------------------------------------------------------------

    async def requester_sees_it_closed(self) -> None:
        seen = await until(
            "the requester sees it closed",
            lambda: self._company.intake.get_ticket(self._ticket["id"]),
            lambda ticket: ticket.status == "closed",
            "status closed",
        )
        said = await self._conversation()
        equal("the conversation the requester sees", said, [BODY, REPLY, ANSWER, SECOND_REPLY, RELAPSE])
        equal("the conversation agents see", [one["body"] for one in await self._desk.messages(str(seen.id))], said)
        self._show.step(f"{REQUESTER.name} sees it closed, with {len(said)} messages and not the note")

    async def report_shows_it(self) -> None:
        ours = verdicts_of([self._ticket])
        since, team = self._ticket["created_at"], self._ticket["team"]["slug"]
        viewer = self._company.one_with(VIEW_ONLY)
        report = await until(
            "the SLA report counts this ticket's verdicts",
            lambda: viewer.sla_report(since, team=team),
            lambda seen: reported(seen) >= ours,
            f"at least {in_short(ours)}",
        )
        self._show.step(f"The SLA report of {self._ticket['team']['name']} counts its {ours.total()} verdicts")
        for line in lines_of(report):
            self._show.detail(line)

    async def check_mails_sent(self) -> None:
        if self._company.ledger is None and self._company.mail is None:
            raise DemoError("stack.json names neither an operator token nor a mail sink, so no mail can be checked.")
        sent = await mails.check(self._ticket, self._mails, self._company.ledger, self._company.mail)
        self._show.table(
            f"Mails about {self._ticket['number']}: {len(sent)}, each once",
            [(mail.template or "mail", mail.address, mail.subject) for mail in sent],
        )

    # -- how it is done ------------------------------------------------------------------------------------------

    def _key(self) -> str:
        """One Idempotency-Key per request of this run."""
        self._steps += 1
        return f"demo-{self._run}-{self._steps}"

    def _step(self, said: str) -> None:
        self._show.step(f"{self._desk.agent.name} {said}", self._ticket)

    def _expect(self, template: str, address: str) -> None:
        self._mails[(template, address)] += 1

    async def _act(self, verb: str, **body: Any) -> Ticket:
        return await self._desk.act(self._ticket["id"], verb, key=self._key(), **body)

    async def _reply(self, body: str) -> Ticket:
        ticket = await self._act("replies", body=body)
        equal("the clocks know of the reply at once", ticket["pending"], expected=False)
        self._expect("reply", REQUESTER.email)
        return ticket

    async def _requester_writes(self, body: str) -> None:
        await self._company.intake.post_message(self._ticket["id"], body, idempotency_key=self._key())
        self._expect("requester_message", self._desk.agent.email)

    async def _requester_reads(self, body: str) -> None:
        await until(
            "the reply reaches the requester's thread",
            self._conversation,
            lambda said: body in said,
            body,
        )

    async def _conversation(self) -> list[str]:
        """What the requester can read, oldest first."""
        return [message.body async for message in self._company.intake.list_messages(self._ticket["id"])]

    async def _until_open(self) -> None:
        self._ticket = await until(
            "the requester's message opens the ticket",
            lambda: self._desk.ticket(self._ticket["id"]),
            lambda ticket: bool(ticket["status"] == "open") and _is_running(ticket, "next_response"),
            "status open, and a running next-response clock",
        )

    def _clocks(self) -> list[dict[str, Any]]:
        return list(self._ticket["sla"]["clocks"])

    def _clock(self, metric: str, cycle: int | None = None) -> dict[str, Any]:
        """The newest clock of a metric, or that of one cycle. Raises StepFailed without."""
        of_metric = [one for one in self._clocks() if one["metric"] == metric and cycle in (None, one["cycle"])]
        if not of_metric:
            raise StepFailed(f"a {metric} clock", "there is one", [one["metric"] for one in self._clocks()])
        return max(of_metric, key=lambda one: int(one["cycle"]))

    def _running(self, metric: str) -> None:
        equal(f"the {metric} clock", state_of(self._clock(metric)), "running")

    def _settled(self, metric: str, cycle: int, outcome: str) -> None:
        clock = self._clock(metric, cycle)
        equal(f"the verdict of {metric} {cycle}", state_of(clock), outcome)
        used, target = float(clock["elapsed"]), float(clock["target"])
        if outcome == "met" and used > target:
            raise StepFailed(f"{metric} {cycle} is met", f"at most {format_state(target)}", format_state(used))

    async def _show_why(self) -> None:
        """The evidence of the assignment, as the timeline keeps it."""
        timeline = await self._desk.timeline(self._ticket["id"])
        decided = next((entry for entry in timeline if entry["type"] == "assignment.decided"), None)
        if decided is None:
            raise StepFailed("the timeline's evidence", "an entry assignment.decided", [e["type"] for e in timeline])
        evidence = decided["details"]
        names = {desk.agent.id: desk.agent.name for desk in self._company.desks}
        loads = [f"{names.get(c['agent_id'], '?')} {c['load']}" for c in evidence["candidates"]]
        self._show.detail(f"why: {evidence['rule']}; open tickets: {', '.join(loads)}{_tie(evidence)}")


def _tie(evidence: Mapping[str, Any]) -> str:
    tie = str(evidence["tie_break"])
    return "" if tie == "none" else f"; between equals: {tie.replace('_', ' ')}"


def _is_running(ticket: Mapping[str, Any], metric: str) -> bool:
    return any(one["metric"] == metric and one["state"] == "running" for one in ticket["sla"]["clocks"])


def run_name(now: datetime) -> str:
    """A name for a run that begins now."""
    return f"{now:%Y%m%d-%H%M%S-%f}"
