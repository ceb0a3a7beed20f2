"""Where an answer ends, case by case: what people wrote stays, what programs added goes."""

# ruff: noqa: RUF001 - letters of other alphabets that look like Latin ones are meant

import pytest

from services.intake.mail.parsing.quotes import cut
from shared.contracts.names import REPLY_DELIMITER

QUOTE = "> Does it work?\n> Help"
KEPT_WHOLE = [
    "Thanks,\nit works.\n\n- first\n- second\n\nDana",
    "It works.\n\nBest regards\nDana Ruiz\nHarbour Street",
    "> Does it work?\n\nYes.",
    "> First?\nYes.\n> Second?\nNo.",
    f"On Tue, 1 Mar 2011 at 18:02, Help wrote:\n{QUOTE}\n\nIt works.",
    f"{QUOTE}\n",
    "On 3 May your colleague wrote:\n\nWe shall call you.\n\nNobody called.",
    "The log says:\n2026-11-24 10:00:00 error:\nout of memory",
    "From: the beginning it was slow.\nTo: be honest, I gave up.",
    "A -- B\n\n--\n" + "A line that was meant to be read\n" * 20,
    "Sent from my desk, which is easier than from my phone.",
    "Please call me\n\n-\n\n12345",
    "To be honest: no.\nOn the 3rd I wrote:\n\nIt works not.",
    "I wrote: it works. He wrote: it does not.",
]
CUT: list[tuple[str, str]] = [
    (f"It works.\n\nOn Tue, 1 Mar 2011 at 18:02, Help <help@bank.example> wrote:\n{QUOTE}", "It works."),
    (f"It works.\n\nOn Tue, 1 Mar 2011 at 18:02, Help\n<help@bank.example>\nwrote:\n\n{QUOTE}", "It works."),
    (f"To be honest, no.\nOn 1 Mar 2011 at 18:02, Help wrote:\n{QUOTE}", "To be honest, no."),
    ("It works.\nOn 1 Mar 2011 at 18:02, Help wrote:\n\nDoes it work?", "It works."),
    (f"Geht.\n\nAm 01.03.2011 um 18:02 schrieb Help:\n{QUOTE}", "Geht."),
    (f"Ça marche.\n\nLe mar. 1 mars 2011 à 18:02, Help <help@bank.example> a écrit :\n\n{QUOTE}", "Ça marche."),
    (f"Funciona.\n\nEl mar, 1 mar 2011 a las 18:02, Help (<help@bank.example>) escribió:\n{QUOTE}", "Funciona."),
    (
        f"Funziona.\n\nIl giorno mar 1 mar 2011 alle ore 18:02 Help <help@bank.example> ha scritto:\n{QUOTE}",
        "Funziona.",
    ),
    (f"Funguje.\n\nDne 1. 3. 2011 v 18:02 Help napsal(a):\n{QUOTE}", "Funguje."),
    (f"動きました。\n\n2011年3月1日(火) 18:02 Help <help@bank.example>:\n\n{QUOTE}", "動きました。"),
    (f"Работает.\n\nвт, 1 мар. 2011 г. в 18:02, Help <help@bank.example>:\n\n{QUOTE}", "Работает."),
    (f"It works.\n\nHelp wrote:\n\n{QUOTE}", "It works."),
    (f"It works.\n\n{QUOTE}", "It works."),
    ("It works.\n\n-----Original Message-----\nFrom: Help\n\nDoes it work?", "It works."),
    ("Geht.\n\n-----Ursprüngliche Nachricht-----\nVon: Help\n\nGeht es?", "Geht."),
    ("See below\n\n---------- Forwarded message ---------\nFrom: Help\n\nDoes it work?", "See below"),
    (
        "It works.\n\n________________________________\nFrom: Help\nSent: Tuesday\nTo: Dana\nSubject: Re\n\nYes?",
        "It works.",
    ),
    ("Geht.\n\n*Von:* Help\n*Gesendet:* Dienstag\n*An:* Dana\n*Betreff:* Re\n\nJa?", "Geht."),
    (f"It works.\n\n{REPLY_DELIMITER}\n\nDear Dana", "It works."),
    (f"It works.\n\n## {REPLY_DELIMITER.upper()} ##\nDear Dana", "It works."),
    (f"It works.\n\nOn 1 Mar 2011 at 18:02, Help wrote:\n> {REPLY_DELIMITER}\n> Dear Dana", "It works."),
    ("It works.\n\n-- reply above this line --\nDear Dana", "It works."),
    ("It works.\n\n-- \nDana Ruiz\nHarbour Bank", "It works."),
    ("It works.\n--\nDana Ruiz", "It works."),
    ("It works.\n\n- Dana", "It works."),
    ("It works.\n\nSent from my iPhone", "It works."),
    ("It works.\n\nGet Outlook for iOS<https://aka.ms/o0ukef>", "It works."),
    ("Geht.\n\nVon meinem iPhone gesendet", "Geht."),
    (f"It works.\n\nSent from my iPhone\n\nOn 1 Mar 2011 at 18:02, Help wrote:\n{QUOTE}\n\n-- \nDana", "It works."),
]


@pytest.mark.parametrize("text", KEPT_WHOLE)
def test_what_a_person_wrote_stays(text: str) -> None:
    assert cut(text).visible == text.strip("\n")


@pytest.mark.parametrize(("text", "visible"), CUT)
def test_what_a_program_added_goes(text: str, visible: str) -> None:
    found = cut(text)
    assert found.visible == visible
    assert found.visible + found.quoted != visible
