"""Several mails about one thing are rendered once, and each is what it would be if it were rendered by itself."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notification.delivery.compose import Composer
from services.notification.delivery.mime import Part, cleaned, quoted_printable
from services.notification.delivery.queue import MailJob, RecipientLanguage
from services.notification.delivery.shared_texts import MailTexts, PersonalLinks
from services.notification.delivery.shipped_templates import ShippedTemplates
from services.notification.delivery.templates import TEMPLATES, TemplateName
from shared.kit.auth import TicketLinks
from shared.kit.clock import new_id
from shared.kit.i18n.languages import LANGUAGES, use_language
from tests.attack.test_outgoing_mail import HOSTILE, SETTINGS, job
from tests.support.strict_mail import read

SHIPPED = ShippedTemplates()
URL = re.compile(r"https?://\S+")
LINE = st.text("aeinorst =.\t&<é漢\u200d\u2028\r", max_size=90)
MARK = "mark0123456789"
LINES = st.lists(st.one_of(LINE, st.builds("{}{}{}".format, LINE, st.just(MARK), LINE)), max_size=6).map("\n".join)
TAGS = sorted(SETTINGS.offered_languages)


class Rendered:
    """Stands for edited templates, and keeps what one would be rendered with: real links, and nothing shared."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def find(self, _name: TemplateName, _tag: str) -> "Rendered":
        return self

    async def refresh(self) -> None:
        """Nothing is ever edited."""

    def render(self, values: Mapping[str, Any]) -> tuple[str, str, str]:
        self.values = dict(values)
        raise LookupError


EDITS = Rendered()
COMPOSER, UNEDITED = Composer(SETTINGS, EDITS), Composer(SETTINGS)


def in_language(one: MailJob, tag: str) -> MailJob:
    return replace(one, language=RecipientLanguage(tag, tag))


def assert_same_when_shared(one: MailJob, tag: str) -> None:
    """Rendered with marks that are filled in, a mail has the bytes that it has if rendered with its links."""
    COMPOSER.compose(in_language(one, tag))
    values = EDITS.values
    links = PersonalLinks(values["link"], values["preferences"])
    marked = values | {"link": links.marked.ticket, "preferences": links.marked.preferences}
    with use_language(LANGUAGES[tag]):
        alone, shared = (MailTexts(*SHIPPED.render(one.template, each)) for each in (values, marked))
    assert alone.subject == shared.subject
    assert alone.parts(links) == shared.parts(links)


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("template", TEMPLATES)
def test_every_template_gives_the_same_bytes_when_it_is_shared(template: TemplateName, tag: str) -> None:
    assert_same_when_shared(job("Ida & Co", "Bank <down>", template), tag)


@pytest.mark.parametrize("words", HOSTILE, ids=lambda words: ascii(words)[:30])
def test_hostile_words_are_no_marks(words: str) -> None:
    assert_same_when_shared(job(words, f"ticket{'0' * 32} {words}"), "en")


@given(LINES, st.text("aehipst:/?&=.é", min_size=1, max_size=200))
def test_a_part_with_marks_is_encoded_as_one_that_has_the_values(text: str, value: str) -> None:
    assert Part("html", text, MARK).filled({MARK: value}) == Part("html", text.replace(MARK, value)).filled({})


@given(LINES)
def test_lines_are_encoded_as_the_whole_is(text: str) -> None:
    whole = quoted_printable(cleaned(text).encode())
    part = Part("plain", text).filled({})
    assert part.endswith(f"quoted-printable\r\n\r\n{whole}") or "base64" in part


def without_links(mail: bytes) -> list[str]:
    return [URL.sub("", text) for _, text in read(mail).parts]


@pytest.mark.parametrize("template", TEMPLATES)
def test_everybody_gets_their_own_words_and_link(template: TemplateName) -> None:
    links, may_be_copied = TicketLinks(SETTINGS), TEMPLATES[template].audience == "requester"
    first = job("Ida", "Bank down", template)
    others = [
        replace(first, id=new_id(), address="lee@bank.example", name="Lee", is_copy=may_be_copied),
        replace(first, id=new_id(), facts=first.facts | {"author": "Grace", "resolves_at": "2026-11-03T12:00:00Z"}),
        replace(first, id=new_id(), subject="Bank up"),
        in_language(replace(first, id=new_id()), "de"),
    ]
    for one in (first, *others):
        mail = UNEDITED.compose(one)
        assert without_links(mail) == without_links(UNEDITED.compose(replace(one, cause=f"nobody else's: {one.id}")))
        for _, text in read(mail).parts:
            for token in re.findall(r"/[tp]/([\w.-]+)", text):
                link = links.read(token)
                assert link is not None
                assert link.email == one.address
