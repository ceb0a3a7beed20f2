"""Conditions of routing rules: what holds for which ticket, from tables."""

import time
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from shared.contracts.calendars import BusinessCalendar
from shared.contracts.routing import ConditionGroup
from shared.contracts.vocabulary import Channel, Priority
from shared.domain.routing_rules import TicketFacts, compiled, text_of_html

MONDAY_NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
OFFICE = BusinessCalendar.model_validate(
    {"timezone": "Europe/Berlin", "weekly": {"mon": [["09:00", "17:00"]]}, "holidays": [{"date": "2026-11-30"}]}
)
FACTS: dict[str, Any] = {
    "received_at": MONDAY_NOON,
    "topic": "payments",
    "channel": Channel.EMAIL,
    "priority": Priority.NORMAL,
    "requester": "Dana.Ruiz@Mail.Bank.example",
    "subject": "REFUND not received - Straße 5",
    "body": "Hello, I paid twice and the second payment was not refunded. Please help.",
    "fields": {"amount": "1,000", "sum": 250, "urgent": True, "plan": ["Gold", "Silver"], "since": "2026-11-20"},
}


def holds(condition: dict[str, Any], **changes: Any) -> bool:
    group = condition if {"match", "conditions", "groups"} & condition.keys() else {"conditions": [condition]}
    check = compiled(ConditionGroup.model_validate(group), {"office": OFFICE})
    return check(TicketFacts(**(FACTS | changes)))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"field": "topic", "values": ["payments", "access"]}, True),
        ({"field": "topic", "values": ["access"]}, False),
        ({"field": "topic", "op": "is_not", "values": ["access"]}, True),
        ({"field": "channel", "values": ["email"]}, True),
        ({"field": "channel", "op": "is_not", "values": ["email", "api"]}, False),
        ({"field": "priority", "values": ["normal", "low"]}, True),
        ({"field": "priority", "values": ["urgent"]}, False),
        ({"field": "requester", "values": ["DANA.ruiz@mail.bank.example"]}, True),
        ({"field": "requester", "values": ["dana@bank.example"]}, False),
        ({"field": "domain", "values": ["mail.bank.example"]}, True),
        ({"field": "domain", "values": ["bank.example"]}, False),
        ({"field": "domain", "values": ["*.bank.example"]}, True),
        ({"field": "domain", "values": ["*.ank.example"]}, False),
        ({"field": "domain", "op": "is_not", "values": ["*.bank.example"]}, False),
        ({"field": "language", "values": ["en"]}, True),
        ({"field": "language", "op": "is_not", "values": ["en"]}, False),
        ({"field": "subject", "values": ["refund"]}, True),
        ({"field": "subject", "values": ["fund"]}, False),
        ({"field": "subject", "values": ["refunds"]}, False),
        ({"field": "subject", "values": ["not  received"]}, True),
        ({"field": "subject", "values": ["received not"]}, False),
        ({"field": "subject", "values": ["strasse"]}, True),
        ({"field": "subject", "values": ["paid twice"]}, False),
        ({"field": "body", "values": ["paid twice"]}, True),
        ({"field": "text", "op": "all", "values": ["refund", "paid twice"]}, True),
        ({"field": "text", "op": "all", "values": ["refund", "cancel"]}, False),
        ({"field": "text", "op": "none", "values": ["cancel", "lawyer"]}, True),
        ({"field": "text", "op": "none", "values": ["cancel", "refund"]}, False),
        ({"field": "form_field", "name": "plan", "values": ["gold"]}, True),
        ({"field": "form_field", "name": "plan", "op": "is_not", "values": ["gold"]}, False),
        ({"field": "form_field", "name": "plan", "values": ["bronze"]}, False),
        ({"field": "form_field", "name": "urgent", "values": ["Yes"]}, True),
        ({"field": "form_field", "name": "nothing", "values": ["x"]}, False),
        ({"field": "form_field", "name": "nothing", "op": "is_not", "values": ["x"]}, True),
        ({"field": "form_field", "name": "nothing", "op": "is_set"}, False),
        ({"field": "form_field", "name": "sum", "op": "is_set"}, True),
        ({"field": "form_field", "name": "nothing", "op": "is_not_set"}, True),
        ({"field": "form_field", "name": "sum", "op": "at_least", "values": ["250"]}, True),
        ({"field": "form_field", "name": "sum", "op": "at_least", "values": ["250.5"]}, False),
        ({"field": "form_field", "name": "sum", "op": "at_most", "values": ["1000"]}, True),
        ({"field": "form_field", "name": "amount", "op": "at_least", "values": ["5"]}, False),
        ({"field": "form_field", "name": "since", "op": "at_least", "values": ["2026-11-19"]}, True),
        ({"field": "form_field", "name": "since", "op": "at_most", "values": ["2026-11-19"]}, False),
        ({"field": "form_field", "name": "plan", "op": "all", "values": ["gold", "silver"]}, True),
        ({"field": "form_field", "name": "plan", "op": "none", "values": ["gold"]}, False),
        ({"field": "time", "calendar": "office"}, True),
        ({"field": "time", "op": "outside", "calendar": "office"}, False),
        ({"field": "time", "calendar": "no-such"}, False),
        ({"field": "time", "op": "outside", "calendar": "no-such"}, False),
        ({"field": "time", "timezone": "Asia/Tokyo", "days": ["mon"], "hours": ["20:00", "22:00"]}, True),
        ({"field": "time", "timezone": "Asia/Tokyo", "days": ["tue"], "hours": ["20:00", "22:00"]}, False),
        ({"field": "time", "timezone": "Asia/Tokyo", "days": ["sun"], "hours": ["22:00", "21:30"]}, True),
        ({"field": "time", "op": "outside", "timezone": "UTC", "hours": ["09:00", "12:00"]}, True),
        ({"match": "all"}, True),
        ({"match": "none"}, True),
        ({"match": "any", "groups": [{"match": "all"}]}, True),
    ],
)
def test_a_condition_holds_for_the_tickets_it_says(condition: dict[str, Any], expected: bool) -> None:
    assert holds(condition) is expected


YES, NO = {"field": "topic", "values": ["payments"]}, {"field": "topic", "values": ["access"]}


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ({"match": "all", "conditions": [YES, YES]}, True),
        ({"match": "all", "conditions": [YES, NO]}, False),
        ({"match": "any", "conditions": [NO, YES]}, True),
        ({"match": "any", "conditions": [NO, NO]}, False),
        ({"match": "none", "conditions": [NO, NO]}, True),
        ({"match": "none", "conditions": [NO, YES]}, False),
        ({"match": "none", "conditions": [YES]}, False),
        ({"match": "all", "conditions": [YES], "groups": [{"match": "any", "conditions": [NO, YES]}]}, True),
        ({"match": "all", "conditions": [YES], "groups": [{"match": "none", "conditions": [YES]}]}, False),
        ({"match": "any", "groups": [{"match": "all", "conditions": [YES, NO]}, {"conditions": [YES]}]}, True),
    ],
)
def test_groups_hold_by_all_any_and_none(group: dict[str, Any], expected: bool) -> None:
    assert holds(group) is expected


def test_words_of_scripts_without_spaces_are_found_inside_a_line() -> None:
    assert holds({"field": "text", "values": ["返金"]}, subject="返金をお願いします")
    assert not holds({"field": "text", "values": ["返品"]}, subject="返金をお願いします")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Hello, I cannot log in to my account since this morning, please help", "en"),
        ("Guten Tag, ich kann mich seit heute nicht mehr anmelden, bitte um Hilfe", "de"),
        ("Bonjour, je ne peux pas me connecter à mon compte depuis ce matin", "fr"),
        ("Hola, no puedo entrar en mi cuenta desde esta mañana", "es"),
        ("Ciao, non riesco ad accedere al mio conto da questa mattina", "it"),
        ("Olá, não posso entrar na minha conta desde esta manhã, obrigado", "pt"),
        ("Hallo, ik kan niet inloggen op mijn rekening sinds vanochtend", "nl"),
        ("Nie mogę się zalogować do mojego konta od rana, proszę o pomoc", "pl"),
        ("Не могу войти в личный кабинет с самого утра", "ru"),  # noqa: RUF001
        ("Не можу увійти до свого кабінету, її заблоковано", "uk"),  # noqa: RUF001
        ("今朝からログインできません", "ja"),
        ("我今天早上无法登录账户", "zh"),
        ("لا أستطيع تسجيل الدخول إلى حسابي", "ar"),
        ("502 502 502", None),
        ("", None),
        ("Kaputt", None),
    ],
)
def test_the_language_of_a_text_is_told_by_script_and_frequent_words(text: str, language: str | None) -> None:
    assert TicketFacts(received_at=MONDAY_NOON, body=text).language == language


@pytest.mark.parametrize(
    "condition",
    [
        {"field": "topic", "values": []},
        {"field": "weather", "values": ["rain"]},
        {"field": "subject", "values": ["…"]},
        {"field": "channel", "values": ["pigeon"]},
        {"field": "domain", "values": ["localhost"]},
        {"field": "form_field", "name": "sum", "op": "at_least"},
        {"field": "form_field", "name": "sum", "op": "is_set", "values": ["1"]},
        {"field": "time"},
        {"field": "time", "timezone": "Mars/Olympus"},
        {"field": "time", "calendar": "office", "timezone": "UTC"},
        {"field": "time", "timezone": "UTC", "hours": ["9", "17"]},
        {"field": "subject", "values": ["a"], "regex": True},
    ],
)
def test_a_condition_that_cannot_be_meant_is_refused(condition: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ConditionGroup.model_validate({"conditions": [condition]})


def test_a_rule_has_at_most_so_many_conditions_and_levels() -> None:
    with pytest.raises(ValidationError, match="at most 50"):
        ConditionGroup.model_validate({"groups": [{"conditions": [YES] * 30}, {"conditions": [YES] * 30}]})
    nested: dict[str, Any] = {"conditions": [YES]}
    for _ in range(4):
        nested = {"groups": [nested]}
    with pytest.raises(ValidationError, match="deep"):
        ConditionGroup.model_validate(nested)


@pytest.mark.parametrize("text", ["a" * 300_000, "a " * 150_000, "<" * 300_000, "<style" * 50_000, "( ( ( (" * 40_000])
def test_no_text_makes_a_rule_slow(text: str) -> None:
    phrases = [f"a a a a a {number}" for number in range(100)]
    group = ConditionGroup.model_validate({"conditions": [{"field": "text", "op": "none", "values": phrases}]})
    check = compiled(group, {})
    started = time.process_time()
    check(TicketFacts(received_at=MONDAY_NOON, body=text_of_html(text)))
    assert time.process_time() - started < 0.25


def test_the_words_of_html_are_read_without_its_tags() -> None:
    html = "<p>My <b>re</b>fund</p><style>.urgent{}</style><script>urgent()</script>&auml;rger"
    assert "urgent" not in text_of_html(html)
    assert "ärger" in text_of_html(html)
