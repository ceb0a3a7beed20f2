"""Every event that a webhook can be told of has a sentence of its own, in the reader's language."""

from services.assignment.web.admin.event_texts import EVENTS, GROUPS
from services.assignment.web.admin.webhook_client import event_choices, offered_events
from shared.kit.i18n.languages import LANGUAGES, PSEUDO_TAG, use_language
from tests.translations.page_texts import left_of


def test_every_offered_event_has_its_text_and_no_other() -> None:
    assert sorted(EVENTS) == sorted(offered_events())
    assert set(GROUPS) == {name.partition(".")[0] for name in EVENTS}


def test_headings_and_texts_are_translated() -> None:
    with use_language(LANGUAGES[PSEUDO_TAG]):
        told = [text for _, heading, events in event_choices() for text in (heading, *(text for _, text in events))]
    assert list(left_of(told, [])) == []
    with use_language(LANGUAGES["de"]):
        assert ("ticket.closed", "Das Ticket ist erledigt, bis die Frist zum Wiederöffnen verstrichen ist.") in {
            pattern: events for pattern, _, events in event_choices()
        }["ticket.*"]
