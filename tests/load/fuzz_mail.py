"""Reads mails that nobody would write: the corpus mutated for ten minutes, and 25 MB of all that could be slow."""

import base64
import multiprocessing
import os
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from services.intake.mail.parsing.html_sanitizer import safe_html
from services.intake.mail.parsing.parser import ReadMail, read_mail
from services.intake.mail.parsing.quotes import cut
from tests.load.hostile_mails import MAILS
from tests.load.report import Budget, Report, Table
from tests.unit.mail.sample_mails import CORPUS, corpus

METHOD = """\
Part one: Hypothesis takes mails of the corpus and changes each in up to eight places: bytes replaced, cut out, doubled,
swapped with another mail's, pieces put in that mean something (boundaries, encoded words, quote marks, tags, charsets).
Each result is read, and must be read without an error (one that the reader catches itself counts as found), within its
limits, and into text that can be stored; its safe HTML must stay the same when made safe again; a text cut in two must
still be all there. Part two: mails of 25 MB, each made to be slow by one means, and HTML just within what is still read
as HTML; each in a process of its own: CPU time, and by how much the process's memory grew at its highest."""
EXAMPLES = 1_000
"""Mails of one round; a round begins from another seed."""
TOKENS = [
    b"\r\n",
    b"\n\n",
    b"\x00",
    b"\xff\xfe",
    b"\x1b$B",
    b"=?utf-8?b?",
    b"?=",
    b"=?gb2312?q?=B2?=",
    b"=\r\n",
    b"====",
    b"> ",
    b"-- \n",
    b"--",
    b"--b\r\n",
    b"Content-Type: multipart/mixed; boundary=b\r\n",
    b"Content-Type: text/html; charset=utf-16\r\n",
    b"Content-Transfer-Encoding: base64\r\n",
    b"Content-Disposition: attachment; filename*0*=utf-7''%ff\r\n",
    b"; charset=hex",
    b"begin 644 x\n#AAAA\n",
    b"end\n",
    b"On 1 May 2012 10:00 a@b.example wrote:\n",
    b"From: a\nSent: b\nTo: c\n",
    b'<a@b>,(\\"',
    b"<blockquote type=cite>",
    b"<div class=gmail_quote>",
    b"<div id=divRplyFwdMsg>",
    b"</div>",
    b"<pre>",
    b"<table><tr><td>",
    b'<img src="cid:x">',
    b"<script>",
    b"<!--",
    b"&#xd800;",
    b"\xed\xa0\x80",
    b"<svg><style>",
    b"\x85",
    b"\xe2\x80\xa8",
    b"<li>" * 50,
]


@dataclass(frozen=True, slots=True)
class Mutation:
    """One change of a mail; places and lengths are parts of 65,536 of it."""

    kind: str
    at: int
    length: int
    token: bytes

    def applied(self, raw: bytes, other: bytes) -> bytes:
        """The mail with this change."""
        start = self.at * len(raw) >> 16
        end = min(len(raw), start + (self.length * len(raw) >> 18) + 1)
        match self.kind:
            case "cut":
                return raw[:start] + raw[end:]
            case "double":
                return raw[:end] + raw[start:end] + raw[end:]
            case "replace":
                return raw[:start] + self.token + raw[end:]
            case "splice":
                return raw[:start] + other[self.length * len(other) >> 16 :]
        return raw[:start] + self.token + raw[start:]


CHANGES = st.lists(
    st.builds(
        Mutation,
        st.sampled_from(["insert", "replace", "cut", "double", "splice"]),
        st.integers(0, 65_535),
        st.integers(0, 65_535),
        st.sampled_from(TOKENS) | st.binary(max_size=8),
    ),
    min_size=1,
    max_size=8,
)


@dataclass
class Found:
    """What the mutated mails showed."""

    milliseconds: list[float] = field(default_factory=list)
    unreadable: int = 0
    broken: list[str] = field(default_factory=list)


def check(mail: ReadMail) -> None:
    """Raises AssertionError where a promise is broken."""
    assert not any(defect.startswith("unreadable") for defect in mail.defects), mail.defects
    shown = "".join((mail.subject, mail.body, mail.quoted, *(one.name for one in mail.attachments)))
    shown.encode()
    assert "\0" not in shown
    assert len(mail.subject) <= 255
    assert len(mail.body.encode()) <= 256 * 1024
    if mail.html is not None:
        assert safe_html(mail.html) == mail.html
    parted = cut(mail.text)
    assert f"{parted.visible}\n{parted.quoted}".split() == mail.text.split()


def fuzz(mails: Sequence[bytes], seconds: float) -> Found:
    """Reads mutated mails for so long."""
    found = Found()
    ends_at = time.monotonic() + seconds
    number = 0
    while time.monotonic() < ends_at and not found.broken:
        number += 1
        one_round(mails, number, ends_at, found)
    return found


def one_round(mails: Sequence[bytes], number: int, ends_at: float, found: Found) -> None:
    """Some mails from one seed. Hypothesis makes one that breaks a promise as small as it can."""
    smallest = b""

    @seed(number)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(st.sampled_from(mails), st.sampled_from(mails), CHANGES)
    def read(raw: bytes, other: bytes, changes: list[Mutation]) -> None:
        nonlocal smallest
        if time.monotonic() > ends_at:
            return
        for change in changes:
            raw = change.applied(raw, other)
        smallest = raw
        started = time.process_time()
        mail = read_mail(raw, own_domain="help.bank.example")
        taken = (time.process_time() - started) * 1000
        found.milliseconds.append(taken)
        found.unreadable += not mail.is_readable
        check(mail)

    try:
        read()
    except Exception as error:  # noqa: BLE001 - whatever it is, it belongs into the report
        found.broken.append(
            f"{type(error).__name__}: {error}"[:300] + f" for {base64.b64encode(smallest[:3_000]).decode()}"
        )


def measured(name: str) -> tuple[float, float, float, int]:
    """Megabytes of a hostile mail, CPU seconds, megabytes the process grew, and how many files came out."""
    raw = MAILS[name]()
    read_mail(b"Subject: to have everything loaded\r\n\r\n<p>Hello</p>")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    mail = read_mail(raw)
    taken = time.process_time() - started
    check(mail)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return len(raw) / 1e6, taken, grown / 1024, len(mail.attachments)


def hostile() -> list[tuple[str, float, float, float, int]]:
    """Every hostile mail, each in a fresh process."""
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as processes:
        return [(name, *processes.apply_async(measured, (name,)).get(timeout=120)) for name in MAILS]


async def run() -> Report:
    """Eleven minutes, ten of them for mutated mails (BENCH_FUZZ_SECONDS)."""
    seconds = float(os.environ.get("BENCH_FUZZ_SECONDS", "600"))
    mails = [path.read_bytes() for path in corpus()]
    if not mails:
        raise SystemExit(f"no mails at {CORPUS}: set EVERDESK_TEST_DATA to the folder that holds them")
    rows = hostile()
    found = fuzz(mails, seconds)
    return _report(found, rows, seconds, len(mails))


def _report(found: Found, rows: Sequence[tuple[str, float, float, float, int]], seconds: float, mails: int) -> Report:
    report = Report("fuzz_mail", "Mails that nobody would write", METHOD)
    times = found.milliseconds
    percentiles = quantiles(times, n=1000)
    report.tables = [
        Table(
            f"Mails of the corpus ({mails}), mutated for {seconds:.0f} s",
            ("mails read", "marked unreadable", "promises broken", "CPU ms, median", "99.9 %", "slowest"),
            [[len(times), found.unreadable, len(found.broken), median(times), percentiles[998], max(times)]],
        ),
        Table(
            "Mails made to be slow, one core",
            ("of what", "MB", "CPU seconds", "memory grew by, MB", "files"),
            rows,
        ),
    ]
    report.budgets = [
        Budget("promises broken by mutated mails", len(found.broken), "==", 0),
        Budget("slowest mutated mail, CPU ms", max(times), "<", 1_000),
        Budget("slowest mail of 25 MB, CPU seconds", max(row[2] for row in rows), "<", 5),
        Budget("memory grown by a mail of 25 MB, at most, MB", max(row[3] for row in rows), "<", 200),
    ]
    report.notes = found.broken
    return report
