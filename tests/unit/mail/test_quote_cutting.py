"""Quotes and signatures of many mail programs and languages: what must be folded away, and what must be seen."""

# ruff: noqa: E501 - letters of other alphabets are meant; the lines are as programs write them

import time
from collections.abc import Callable
from html import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.mail.parsing.html_parser import read_html
from services.intake.mail.parsing.lines import Cutting
from services.intake.mail.parsing.parser import read_mail
from services.intake.mail.parsing.quotes import cut
from shared.contracts.names import REPLY_DELIMITER
from tests.unit.mail.attributions import ATTRIBUTIONS, HEADERS, PHONES
from tests.unit.mail.sample_mails import letter

OPENING = Cutting(is_opening=True, signer=frozenset({"dana", "ruiz"}))
QUOTE = "> Does it work?\n> Help"
AT = "On Tue, 1 Mar 2011 at 18:02, Help <help@bank.example> wrote:"
SEEN = [
    "Name: Dana\n________________________________\nThe printer is broken.",
    "12:30 - 13:00 lunch\n--\n13:00 - 14:00 call",
    "It fails.\n\nDownload Outlook again",
    "Name: Dana\n____________________\nPrinter broken\nhttps://printer.example/status",
    "It fails.\n\n--\n1. Open the app\n2. Click Export\n3. It crashes",
    "It fails.\n--\nopen the app\nclick on export",
    "It fails.\n\n-- \nSteps:\n- open\n- close",
    "It fails.\n\n--\nI cannot log in any more",
    "Es geht nicht.\n\n--\nIch kann mich nicht anmelden",
    "It fails.\n\n-- \nDana Ruiz\n\nPS: It is urgent.",
    "Please send me\n\n- Contract\n\n- Invoice",
    "Please send me:\n\n- Invoice",
    "1. Contract\n2. Offer\n\n- Invoice",
    "It fails.\n\nSent from my iPhone\n\nPS: the second printer fails as well",
    "It fails.\n\nSent from my iPhone\nCall me under 555 1234",
    "Sent from my phone because my laptop died.",
    "It fails.\n\nSent from my phone because my laptop died",
    "Gesendet von meinem Handy, weil der Rechner nicht geht",
    "It stops.\n\n> error: disk full",
    "It stops with\n> disk full\n> aborting",
    "The log says:\n\n> one\n> two",
    "It stops.\n\n> Traceback (most recent call last):\n> ValueError: no\n> 12:00:01 end",
    "I did write my reply above this line, but nothing came.",
    "Change it, please.\n\nFrom: Berlin\nTo: Paris\nDate: Friday 3 May",
    "I got this:\n\nFrom: A <a@b.example>\nSent: Tuesday\nTo: Dana\nSubject: Prize\n\nIs it from you?",
    "Hello,\n\nFrom: A <a@b.example>\nSent: Tuesday\nTo: Dana\nSubject: Prize\n\nIs it from you?",
    "I spoke with dana@bank.example on 24.11.2026 at 10:00. I wrote:\n\nIt fails.",
    "On 24.11.2026 at 10:00 I wrote to you:\n\nIt fails.",
    "At 10:00 my colleague lee@bank.example wrote in the chat about your product:\n\nIt fails.",
    "Gestern um 10:00 hat er mir geschrieben:\n\nEs geht nicht.",
    f"{AT}\n> First?\nYes.\n> Second?\nNo.",
    f"{AT}\n{QUOTE}\n\nYes, it does.",
]


@pytest.mark.parametrize("text", SEEN)
@pytest.mark.parametrize("cutting", [Cutting(), OPENING], ids=["answer", "opening"])
def test_what_a_person_wrote_is_seen(text: str, cutting: Cutting) -> None:
    assert cut(text, cutting).visible == text


@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
@pytest.mark.parametrize("quote", ["\n\nDoes it work?\n\nHelp", f"\n{QUOTE}", f"\n\n{QUOTE}"])
def test_an_attribution_is_folded_with_its_quote(attribution: str, quote: str) -> None:
    assert cut(f"It works.\n\n{attribution}{quote}").visible == "It works."


@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
def test_an_attribution_is_folded_in_html(attribution: str) -> None:
    said = escape(attribution).replace("\n", "<br>")
    for quote in ("<blockquote>Does it work?</blockquote>", "<div>Does it work?</div>"):
        read = read_html(f"<div>It works.</div><div>{said}</div>{quote}")
        assert (read.text, "Does it work?" in read.quoted) == ("It works.", True)


@pytest.mark.parametrize("header", HEADERS)
def test_a_header_is_folded_with_what_follows(header: str) -> None:
    assert cut(f"It works.\n\n{header}\n\nDoes it work?").visible == "It works."
    said = escape(header).replace("\n", "<br>")
    assert read_html(f"<p>It works.</p><p>{said}</p><p>Does it work?</p>").text == "It works."


@pytest.mark.parametrize("phone", PHONES)
def test_what_a_phone_signs_is_folded(phone: str) -> None:
    assert cut(f"It works.\n\n{phone}").visible == "It works."
    assert cut(f"It works.\n\n{phone}\n\n{AT}\n{QUOTE}").visible == "It works."


@pytest.mark.parametrize(
    "attribution", [AT, "Am 01.03.2011 um 18:02 schrieb Help:", "Le 01/03/2011 à 18:02, Help a écrit :"]
)
def test_an_attribution_behind_words_of_ones_own_leaves_them(attribution: str) -> None:
    found = cut(f"Please close it. {attribution}\n{QUOTE}")
    assert found.visible == "Please close it."
    assert found.quoted == f"{attribution}\n{QUOTE}"
    read = read_html(f"<div>Please close it. {escape(attribution)}</div><blockquote>Does it work?</blockquote>")
    assert "Please close it." in read.text
    assert "Does it work?" in read.quoted


PROGRAMS = {
    "spark": '<div>It works.</div><div name="messageReplySection">On 1 Mar 2011, Help wrote:<br><blockquote type="cite">Does it work?</blockquote></div>',
    "gmx": '<div>It works.</div><div name="quote" style="margin:10px"><div><b>Gesendet:</b> x</div>Does it work?</div>',
    "superhuman": '<div>It works.</div><div class="sh-quoted-content">Does it work?</div>',
    "yahoo": '<div>It works.</div><div id="ydp12ab-yahoo_quoted_3" class="ydp12ab-yahoo_quoted">Does it work?</div>',
    "outlook mobile": '<div>It works.</div><div id="ms-outlook-mobile-body-separator-line"></div><hr><div>Does it work?</div>',
    "outlook mac": '<div>It works.</div><div style="border:none;border-top:solid #B5C4DF 1.0pt;padding:3.0pt 0in 0in 0in">Does it work?</div>',
    "zoho": '<div>It works.</div><div class="zmail_extra"><div>---- On Tue, 01 Mar 2011 18:02:00 +0100 <b>Help &lt;h@b.example&gt;</b> wrote ----</div><blockquote>Does it work?</blockquote></div>',
    "proton": '<div>It works.</div><div class="protonmail_quote">On Tuesday, Help wrote:<br><blockquote class="protonmail_quote" type="cite">Does it work?</blockquote></div>',
    "roundcube": '<p>It works.</p><p id="reply-intro">Am 01.03.2011 18:02, schrieb Help:</p><blockquote type="cite">Does it work?</blockquote>',
    "mail.ru": '<div>It works.</div><blockquote style="border-left:1px solid #0857A6" type="cite">Вторник, 1 марта 2011, 18:02 +03:00 от Help:<br>Does it work?</blockquote>',
}


@pytest.mark.parametrize("html", PROGRAMS.values(), ids=PROGRAMS.keys())
def test_what_a_program_marks_is_folded(html: str) -> None:
    read = read_html(html)
    assert (read.text, "Does it work?" in read.quoted) == ("It works.", True)


OPENINGS = [
    f"See below\n\n{HEADERS[0]}\n\nDoes it work?",
    "FYI\n\n---------- Forwarded message ---------\nFrom: Lee <lee@bank.example>\nSubject: It\n\nThe printer fails.",
    f"See below\n\n{AT}\n{QUOTE}",
    f"See below\n\n{AT}\n\nDoes it work?",
    "It fails.\n\nSent from my iPhone",
    "It fails.\n\n- Dana",
    "It fails.\n\n-- \nPrinter broken again",
    "It fails.\n\n-- \nDruckerfehler",
    "It fails.\n\n-- \nDana Ruiz\nOrder 4711-0815-99",
    "印刷できません。\n\n-- \n印刷できません",
    f"Hello\n\n{REPLY_DELIMITER}\n\nThe printer fails.",
    f"{AT}\n> {REPLY_DELIMITER}\n> Dear Dana\n\nMy answer stands below.",
]


@pytest.mark.parametrize("text", OPENINGS)
def test_a_mail_that_opens_a_ticket_is_hardly_cut(text: str) -> None:
    assert cut(text, OPENING) == cut(text, OPENING).__class__(text, "")
    html = f"<div>{escape(text).replace(chr(10), '<br>')}</div>"
    assert read_html(html, OPENING).quoted == ""


@pytest.mark.parametrize(
    "tail",
    [
        "-- \nDana Ruiz",
        "--\nDana Ruiz\nHead of Support\n+49 30 1234567\nhttps://bank.example",
        f"{AT}\n> {REPLY_DELIMITER}\n>\n> Dear Dana,\n> it works now.",
        f"-- \nDana Ruiz\n\n{AT}\n> {REPLY_DELIMITER}\n> Dear Dana",
    ],
)
def test_of_an_opening_mail_only_what_is_proven_is_folded(tail: str) -> None:
    assert cut(f"It fails.\n\n{tail}", OPENING).visible == "It fails."


def test_of_html_that_opens_a_ticket_only_what_is_proven_is_folded() -> None:
    ours = f'<div class="gmail_quote"><div class="gmail_attr">{escape(AT)}</div><blockquote class="gmail_quote">'
    ours += f"<p>{REPLY_DELIMITER}</p><p>Dear Dana</p></blockquote></div>"
    read = read_html(f"<p>It fails.</p><p>-- <br>Dana Ruiz</p>{ours}", OPENING)
    assert (read.text, "Dear Dana" in read.quoted, "Dana Ruiz" in read.quoted) == ("It fails.", True, True)


def test_a_mail_is_read_as_what_it_is() -> None:
    raw = letter(f"It fails.\n\n{AT}\n{QUOTE}\n")
    assert (read_mail(raw).text, read_mail(raw, is_opening=True).quoted) == ("It fails.", "")


PIECES = [
    *ATTRIBUTIONS[::7],
    *HEADERS[::6],
    *PHONES[::6],
    *SEEN[::3],
    QUOTE,
    "-- ",
    "--",
    "Dana Ruiz",
    "",
    "",
    "> x",
    REPLY_DELIMITER,
    "_" * 30,
]
SENTENCES = ["The printer is broken.", "What should I do now?", "Es geht nicht mehr!", "Je ne peux pas imprimer."]
TEXTS = st.lists(st.sampled_from(PIECES) | st.sampled_from(SENTENCES), max_size=12).map("\n".join)


def words(text: str) -> list[str]:
    return text.split()


@given(TEXTS, st.sampled_from([Cutting(), OPENING]))
def test_what_is_seen_and_what_is_folded_are_the_whole(text: str, cutting: Cutting) -> None:
    found = cut(text, cutting)
    assert words(f"{found.visible}\n{found.quoted}") == words(text)


@given(TEXTS, st.sampled_from([Cutting(), OPENING]))
def test_what_is_seen_is_not_cut_again(text: str, cutting: Cutting) -> None:
    seen = cut(text, cutting).visible
    assert words(cut(seen, cutting).visible) == words(seen)


@given(TEXTS)
def test_no_sentence_of_a_mail_that_opens_a_ticket_is_folded(text: str) -> None:
    folded = [line for line in cut(text, OPENING).quoted.split("\n") if line and not line.startswith(">")]
    assert not set(folded) & set(SENTENCES)


HOSTILE: dict[str, Callable[[int], str]] = {
    "quotes": lambda n: "> x\n\n" * n,
    "attributions": lambda n: f"{AT}\nx\n> y\n\n" * n,
    "signatures": lambda n: "-- \nDana\n" * n,
    "phones": lambda n: "Sent from my iPhone\n" * n,
    "openings": lambda n: "On Tue, 1 Mar 2011\n" * n,
    "headers": lambda n: "From: x\n" * n,
    "blanks": lambda n: "\n" * n + "x",
    "partings": lambda n: "It. On 1 Mar 2011, x " * n,
    "one line": lambda n: "On 1 Mar 2011 at 18:02 x@y.example " * n + "wrote:",
    "dashes": lambda n: "- " * n + "\n" + "_" * n,
}


@pytest.mark.parametrize("made", HOSTILE.values(), ids=HOSTILE.keys())
def test_time_grows_with_the_length_and_no_faster(made: Callable[[int], str]) -> None:
    def seconds(size: int) -> float:
        text = made(size)
        started = time.process_time()
        cut(text)
        cut(text, OPENING)
        return time.process_time() - started

    first, second, third = (min(seconds(size) for _ in range(2)) for size in (500, 1_000, 2_000))
    assert second < 3 * first + 0.05
    assert third < 3 * second + 0.05
