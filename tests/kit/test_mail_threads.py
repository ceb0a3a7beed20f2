"""Message-IDs of our mails: only we can make one, and we know it again."""

from collections.abc import Callable

import pytest

from shared.contracts.base import TicketId
from shared.kit.auth import MailAudience, MailThreads
from shared.kit.clock import new_id
from shared.kit.settings import Settings

DOMAIN = "everdesk.example"
TICKET = TicketId(new_id())


def threads(secret: str = "a-secret-for-this-test", domain: str = DOMAIN) -> MailThreads:
    return MailThreads(Settings.model_validate({"link_secret": secret}), domain)


def test_what_we_made_names_its_ticket() -> None:
    ours = threads()
    assert ours.read(ours.thread_id(TICKET)) == TICKET
    assert ours.read(ours.message_id(TICKET, new_id())) == TICKET


def test_it_survives_another_domain_and_servers_that_change_its_case() -> None:
    made = threads(domain="old.example").message_id(TICKET, new_id())
    assert threads().read(made) == threads().read(made.upper()) == threads().read(f" {made} ") == TICKET


@pytest.mark.parametrize(
    "forge",
    [
        lambda made: made.replace("@", "a@"),
        lambda made: made[:10] + ("a" if made[10] != "a" else "b") + made[11:],
        lambda made: made.replace("<t.", "<"),
        lambda made: f"<ticket-{TICKET}@{DOMAIN}>",
        lambda made: f"<{TICKET}@{DOMAIN}>",
        lambda made: threads("another-secret-than-ours").thread_id(TICKET),
        lambda made: made.rsplit(".", 3)[0] + f"@{DOMAIN}>",
        lambda made: "",
        lambda made: f"<t.{'a' * 26}.{'a' * 16}@{DOMAIN}>",
    ],
)
def test_what_we_did_not_make_names_none(forge: Callable[[str], str]) -> None:
    assert threads().read(forge(threads().message_id(TICKET, new_id()))) is None


@pytest.mark.parametrize("audience", MailAudience)
def test_it_says_to_whom_the_mail_went(audience: MailAudience) -> None:
    ours = threads()
    made = ours.message_id(TICKET, new_id(), audience, "Dana@Bank.Example")
    for written in (made, made.upper()):
        reference = ours.read_reference(written)
        assert reference is not None
        assert (reference.ticket_id, reference.audience) == (TICKET, audience)
        assert ours.was_sent_to(reference, "dana@bank.example")
        assert not ours.was_sent_to(reference, "mallory@evil.example")


def test_nobody_puts_another_recipient_into_it() -> None:
    ours = threads()
    hers = ours.message_id(TICKET, new_id(), MailAudience.REQUESTER, "dana@bank.example")
    his = ours.message_id(TICKET, new_id(), MailAudience.GUEST, "mallory@evil.example")
    swapped = hers.split(".")
    swapped[3] = his.split(".")[3]
    assert ours.read_reference(".".join(swapped)) is None


def test_the_id_of_a_thread_names_nobody() -> None:
    ours = threads()
    for made in (ours.thread_id(TICKET), ours.message_id(TICKET, new_id())):
        reference = ours.read_reference(made)
        assert reference is not None
        assert not ours.was_sent_to(reference, "")
