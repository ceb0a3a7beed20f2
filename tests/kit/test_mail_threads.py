"""Message-IDs of our mails: only we can make one, and we know it again."""

from collections.abc import Callable

import pytest

from shared.contracts.base import TicketId
from shared.kit.auth import MailThreads
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
