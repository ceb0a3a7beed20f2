"""No kind of token is forgotten: each signer in the source has a row, and each redacted kind is found."""

import ast
import zlib
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from uuid import UUID

import pytest
from itsdangerous import URLSafeSerializer, URLSafeTimedSerializer

from services.assignment.web.page_base import Flash
from services.intake.access.receipts import Receipts
from shared.contracts.base import TicketId
from shared.contracts.own_tokens import KEPT, REDACTED
from shared.contracts.redaction import REMOVED, redacted
from shared.kit.auth import SERVICE_TOKEN, ApiKey, FileLinks, MailThreads, TicketLink, TicketLinks
from shared.kit.clock import new_id, utc_now
from shared.kit.mail_preferences import PreferenceLink, PreferenceLinks
from shared.kit.one_time_links import AccountLinks, ExportLinks
from shared.kit.satisfaction import RatedResolution, RatingLinks
from shared.kit.settings import Settings

SOURCE = Path(__file__).parents[2]
SETTINGS = Settings.model_validate({"link_secret": "a-secret-only-for-tests"})
TICKET = TicketId(UUID(str(new_id())))
HANDMADE = {
    "shared/kit/auth.py": "api-key, session, mail-thread",
    "shared/kit/http/form_tokens.py": "form-token",
    "services/assignment/access/single_sign_on/keys.py": "single-sign-on",
    "services/assignment/access/sessions.py": "session",
    "services/assignment/access/second_step.py": "session",
    "services/assignment/access/known_browsers.py": "known-browser",
    "services/assignment/setup/links.py": "setup-link",
    "services/assignment/reporting/wall_boards.py": "wall-board",
    "services/intake/web/forms.py": "form-made",
}
"""Where random or hand-signed tokens are made, and which rows they have."""
NO_TOKENS = {
    "shared/kit/requester_ids.py": "an id, which opens nothing",
    "shared/kit/signed_tokens.py": "signs what other modules make",
    "shared/kit/return_paths.py": "envelope senders, which prove a returned mail and open nothing",
    "shared/kit/http/health.py": "compares",
    "shared/kit/tracing.py": "ids of traces, which open nothing",
    "services/notification/delivery/shared_texts.py": "marks in texts, replaced before they leave",
    "services/assignment/access/single_sign_on/flow.py": "compares",
    "services/assignment/identity_provider/id_tokens.py": "compares",
    "services/notification/deps.py": "compares",
    "services/assignment/access/totp.py": "codes of half a minute, typed by people",
    "services/assignment/access/factor_keys.py": "keys and digests that are stored and never shown",
    "services/intake/abuse/daily_counts.py": "a digest that is stored and never shown",
    "services/intake/client/retry.py": "an idempotency key",
    "services/notification/webhooks/signing.py": "signatures of single deliveries, which open nothing",
}
SIGNERS = {
    "URLSafeTimedSerializer",
    "URLSafeSerializer",
    "TimedTokenSerializer",
    "TokenSerializer",
    "TimestampSigner",
    "Signer",
}
MAKERS = {"token_urlsafe", "token_hex", "token_bytes", "new_token", "digest", "new"}
SAMPLES = {
    "ticket-link": TicketLinks(SETTINGS).token(TicketLink(TICKET, "dana@bank.example")),
    "export-link": ExportLinks(SETTINGS).url("dana@bank.example", UUID(str(new_id())), utc_now()),
    "account-link": AccountLinks(SETTINGS).url(TICKET, "reset", utc_now()),
    "csat-link": RatingLinks(SETTINGS).token(RatedResolution(TICKET, 9)),
    "preference-link": PreferenceLinks(SETTINGS).token(PreferenceLink(TICKET, "dana@bank.example")),
    "file-link": FileLinks(SETTINGS).url(TICKET),
    "ticket-receipt": Receipts(SETTINGS).token(TICKET),
    "desk-flash": Flash("a-secret-only-for-tests").write("success", "The ticket was assigned to Ada."),
    "mail-thread": MailThreads(SETTINGS, "help.example").thread_id(TICKET).strip("<>"),
    "api-key": str(ApiKey.make(SERVICE_TOKEN)),
}


@cache
def all_calls() -> list[tuple[str, ast.Call, str]]:
    return list(calls())


def calls() -> Iterator[tuple[str, ast.Call, str]]:
    """Every call in the services and what they share: where, the call, the name of what is called."""
    for folder in ("services", "shared", "workflows"):
        for path in sorted((SOURCE / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call):
                    yield str(path.relative_to(SOURCE)), node, ast.unparse(node.func)


def test_every_signer_has_a_row() -> None:
    signers = [(path, call) for path, call, name in all_calls() if name in SIGNERS]
    salts = [ast.literal_eval(word.value) for _, call in signers for word in call.keywords if word.arg == "salt"]
    assert len(salts) == len(signers) > 5
    assert set(salts) <= {*REDACTED, *KEPT}


def test_every_maker_of_random_or_hand_signed_tokens_is_known() -> None:
    makers = {
        path
        for path, _, name in all_calls()
        if name.rpartition(".")[2] in MAKERS and name.partition(".")[0] in ("secrets", "hmac", "new_token")
    } | {path for path, _, name in all_calls() if name == "hmac.compare_digest"}
    assert makers == {*HANDMADE, *NO_TOKENS}
    rows = {row for told in HANDMADE.values() for row in told.split(", ")}
    assert rows <= {*REDACTED, *KEPT}


def test_each_redacted_kind_has_a_sample() -> None:
    assert {*SAMPLES, "address-proof"} == {*REDACTED}


@pytest.mark.parametrize("kind", sorted(SAMPLES))
def test_each_redacted_kind_is_found(kind: str) -> None:
    assert redacted(f"See {SAMPLES[kind]} soon") == f"See {REMOVED} soon"


@pytest.mark.parametrize("kind", ["ticket-link", "export-link", "preference-link"])
def test_nobody_reads_an_address_out_of_a_link(kind: str) -> None:
    token = SAMPLES[kind].rpartition("/")[2]
    packed, payload = token.startswith("."), token.lstrip(".").partition(".")[0]
    read = urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    assert b"dana" not in (zlib.decompress(read) if packed else read)


def test_links_of_earlier_releases_still_work() -> None:
    """They hold the address as it is."""
    secret = SETTINGS.link_secret.get_secret_value()
    payload = [TICKET.hex, "dana@bank.example", 1_700_000_000_000, 1]
    tickets = TicketLinks(SETTINGS.model_copy(update={"link_days": 3650}))
    link = tickets.read(str(URLSafeTimedSerializer(secret, salt="ticket-link").dumps(payload)))
    assert link is not None
    assert link.email == "dana@bank.example"
    token = str(URLSafeSerializer(secret, salt="preference-link").dumps(["dana@bank.example", TICKET.hex, 1]))
    assert PreferenceLinks(SETTINGS).read(token) == PreferenceLink(TICKET, "dana@bank.example", is_copy=True)
    forged = URLSafeSerializer(secret, salt="preference-link").dumps(["c29tZXRoaW5n", TICKET.hex, 1])
    assert PreferenceLinks(SETTINGS).read(str(forged)) is None
