"""Languages: what is chosen, what is translated, and how dates, numbers and durations are written."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from starlette.requests import Request

from shared.kit.http.language_choice import place_before
from shared.kit.i18n.compiled_catalogues import CATALOGUES
from shared.kit.i18n.formats import (
    country_name,
    format_bytes,
    format_duration,
    format_instant,
    format_number,
    format_percent,
    format_short_instant,
)
from shared.kit.i18n.languages import ENGLISH, LANGUAGES, PSEUDO_TAG, OfferedLanguages, current_language, use_language
from shared.kit.i18n.messages import gettext, ngettext, pgettext, script_messages
from tests.translations.checks import problems_of
from tests.translations.extraction import ROOT, as_text, template_files, updated
from tests.translations.literals import translated_values, unmarked
from tests.translations.notices import untranslated_notices
from tests.translations.scripts import untranslated_texts

GERMAN = LANGUAGES["de"]
OFFERED = OfferedLanguages(["en", "de"], "en")
TRANSLATED = [tag for tag in LANGUAGES if tag not in ("en", PSEUDO_TAG)]
WHOLE = (
    "services/intake/",
    "services/notification/",
    "shared/kit/",
    "services/assignment/templates/",
)
"""Where every text is translated."""
IN_ENGLISH = {"services/intake/templates/api_docs.html"}
PAGE_CODE = ("services/assignment/web",)
"""Where every notice and every refusal of a field is translated."""


@pytest.mark.parametrize("tag", TRANSLATED)
def test_a_catalogue_is_complete_and_agrees_with_the_source(tag: str) -> None:
    catalogue = updated(tag)
    assert problems_of(catalogue) == []
    kept = (CATALOGUES / tag / "everdesk.po").read_bytes()
    assert kept == as_text(catalogue), "run python -m tests.translations"


def test_pages_and_mails_have_no_text_that_is_not_marked() -> None:
    found = {name: texts for path in template_files() if (name := _name(path)) and (texts := _unmarked(path, name))}
    assert found == {}


def test_only_literals_are_translated_as_safe_html() -> None:
    assert [value for path in template_files() for value in translated_values(path)] == []


def test_notices_of_pages_are_translated() -> None:
    found = {
        _name(path): texts
        for folder in PAGE_CODE
        for path in (ROOT / folder).rglob("*.py")
        if (texts := untranslated_notices(path))
    }
    assert found == {}


def test_a_notice_that_is_not_translated_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.py"
    page.write_text(
        'redirect("/", ("success", "Saved."))\nrefuse_field("a", f"{b} is wrong")\nx = ("danger", gettext("Told"))\n'
        'redirect("/", ("success", SAID[action]))\nredirect("/", ("success", gettext(SAID[action])))'
    )
    assert sorted(untranslated_notices(page)) == ["'Saved.'", "SAID[action]", "f'{b} is wrong'"]


def test_a_text_that_is_not_marked_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(
        '<p title="Old">{{ _("Marked") }}</p><b>Plain</b>{{ ui.button("Send it") }}{% trans %}Told{% endtrans %}'
    )
    assert unmarked(page) == ["Old", "Plain", '"Send it"']


def test_scripts_show_no_text_that_is_not_translated() -> None:
    scripts = [*ROOT.glob("services/*/static/**/*.js"), *ROOT.glob("shared/kit/web/static/*.js")]
    found = {_name(path): texts for path in scripts if (texts := untranslated_texts(path))}
    assert found == {}


def test_a_script_text_that_is_not_translated_is_found(tmp_path: Path) -> None:
    script = tmp_path / "page.js"
    script.write_text(
        'make("p", { textContent: "Nothing." }); field.placeholder = _("Told"); this.say(`Sent ${name}`);\n'
        'a.textContent = unread ? "Inbox, unread" : _("Inbox"); b.textContent = `${minutes}:${seconds}`;'
    )
    assert untranslated_texts(script) == ["Nothing.", "Sent ${name}", "Inbox, unread"]


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        (None, None),
        ("", None),
        ("de", "de"),
        ("de-CH, en;q=0.8", "de"),
        ("en;q=0.4, de;q=0.5", "de"),
        ("fr, nl;q=0.9, de;q=0.1", "de"),
        ("fr, *;q=0.1", "en"),
        ("de;q=0, en", "en"),
        ("de;q=x", None),
        ("de;q=9", None),
        (",,;;=,", None),
        ("x" * 100_000, None),
    ],
)
def test_the_browser_says_what_it_prefers(header: str | None, wanted: str | None) -> None:
    found = OFFERED.negotiate(header)
    assert (found.tag if found else None) == wanted


def test_a_stored_tag_is_matched_by_its_language() -> None:
    assert OFFERED.of("fr", None, "de-AT").tag == "de"
    assert OFFERED.of("fr", None) is ENGLISH


def test_texts_take_the_plural_of_their_language() -> None:
    with use_language(GERMAN):
        told = [ngettext("%(num)s ticket came back", "%(num)s tickets came back", n) % {"num": n} for n in (0, 1, 2)]
        assert told == ["0 Tickets kamen zurück", "1 Ticket kam zurück", "2 Tickets kamen zurück"]
        assert pgettext("status", "Open") == "Offen"
        assert gettext("Hello %(name)s,", name="100 % Ida") == "Guten Tag 100 % Ida,"
    assert current_language() is ENGLISH
    assert gettext("Hello %(name)s,", name="Ida") == "Hello Ida,"


def test_dates_numbers_and_durations_follow_the_language() -> None:
    at = datetime(2026, 3, 8, 17, 4, tzinfo=UTC)
    written = (
        format_instant(at),
        format_short_instant(at),
        format_duration(3 * 86_400 + 7_200),
        format_bytes(1_234_567),
    )
    assert written == ("08 Mar 2026, 17:04 UTC", "08 Mar, 17:04 UTC", "3 d 2 h", "1.2 MB")
    assert (format_duration(-90), format_duration(0), format_bytes(1)) == ("-2 min", "0 min", "1 Byte")
    assert (format_percent(100), format_percent(66.7), format_number(4, 2)) == ("100.0 %", "66.7 %", "4.00")
    with use_language(GERMAN):
        written = (format_instant(at), format_duration(7_500), format_bytes(1_234_567), format_number(1234.5))
        assert written == ("8. März 2026, 17:04 UTC", "2 Std. 5 Min.", "1,2 MB", "1.234,5")
        assert (format_percent(66.7), format_number(3.726, 2)) == ("66,7 %", "3,73")


def test_scripts_get_their_texts_and_no_others() -> None:
    texts = script_messages("de", "intake")
    assert texts["Keyboard shortcuts"] == "Tastenkürzel"
    assert "How can we help?" not in texts
    assert "Draft saved" not in texts
    assert script_messages("de", "assignment")["Draft saved"] == "Entwurf gespeichert"
    assert script_messages("en", "intake") == {}


@pytest.mark.parametrize(
    ("referer", "place"),
    [
        ("https://desk.example/t/abc?x=1", "/t/abc?x=1"),
        ("", "/"),
        ("https://desk.example//evil.example", "/"),
        ("https://desk.example/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
    ],
)
def test_the_switch_leads_back_to_this_site_only(referer: str, place: str) -> None:
    request = Request({"type": "http", "headers": [(b"referer", referer.encode())]})
    assert place_before(request) == place


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _unmarked(path: Path, name: str) -> list[str]:
    return unmarked(path) if name.startswith(WHOLE) and name not in IN_ENGLISH else []


def test_a_country_is_named_in_the_readers_language() -> None:
    assert country_name("BA") == "Bosnia & Herzegovina"
    with use_language(GERMAN):
        assert country_name("BA") == "Bosnien und Herzegowina"
    assert country_name("X9") is None
