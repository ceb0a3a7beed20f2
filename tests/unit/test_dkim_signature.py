"""Signed mails are verified by an independent library, and any change of what is signed is noticed."""

import base64
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import dkim
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from pydantic import ValidationError

from services.notification.delivery.compose import Composer
from services.notification.delivery.dkim_signature import DkimSigner
from services.notification.delivery.templates import TemplateName
from services.notification.settings import NotificationSettings
from tests.attack.test_outgoing_mail import SETTINGS, job

KEY = generate_private_key(65_537, 2048)
SELECTOR = "everdesk"
TEMPLATES = (TemplateName.REPLY, TemplateName.REMINDER, TemplateName.ASSIGNED, TemplateName.SCHEDULED_REPORT)


def verified(mail: bytes, dnsfunc: Callable[..., bytes]) -> bool:
    return bool(dkim.verify(mail, dnsfunc=dnsfunc))  # type: ignore[no-untyped-call]


def file_of(folder: Path) -> Path:
    path = folder / "dkim.pem"
    path.write_bytes(KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path


def dns(name: bytes, timeout: int = 5) -> bytes:
    """The DNS record of the key."""
    assert name == f"{SELECTOR}._domainkey.{SETTINGS.mail_domain}.".encode()
    data = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return b"v=DKIM1; k=rsa; p=" + base64.b64encode(data)


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_library_verifies_the_signature_and_every_change(tmp_path: Path, template: TemplateName) -> None:
    settings = SETTINGS.model_copy(update={"dkim_key_file": file_of(tmp_path), "dkim_selector": SELECTOR})
    composer = Composer(settings)
    one = job("Zoë  Agent", f"Lines  \t and {'long ' * 30} words", template)
    mail = composer.compose(one)
    assert all(len(line) <= 78 for line in mail.partition(b"\r\nFrom:")[0].split(b"\r\n"))
    assert verified(mail, dnsfunc=dns)
    assert verified(mail.replace(b"\r\nSubject: ", b"\r\nSubject:   "), dnsfunc=dns), "relaxed"
    assert not verified(mail.replace(b"\r\nSubject: ", b"\r\nSubject: Re "), dnsfunc=dns)
    assert not verified(b"From: Mallory <m@evil.example>\r\n" + mail, dnsfunc=dns)
    assert not verified(mail + b"more\r\n", dnsfunc=dns)
    if template is TemplateName.REMINDER:
        assert not verified(mail.replace(b"One-Click", b"Two-Click"), dnsfunc=dns)


class Ed25519Verifier:
    """PyNaCl's key, as dkimpy uses it."""

    def __init__(self, public: bytes) -> None:
        self._key = Ed25519PublicKey.from_public_bytes(public)

    def verify(self, message: bytes, signature: bytes) -> None:
        self._key.verify(signature, message)


@pytest.mark.parametrize("key", [KEY, Ed25519PrivateKey.generate()])
def test_either_kind_of_key_fits_the_record_to_publish(
    tmp_path: Path, key: RSAPrivateKey | Ed25519PrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For the curve dkimpy asks PyNaCl, in whose place `cryptography` stands here."""
    curve = SimpleNamespace(VerifyKey=lambda data, encoder: Ed25519Verifier(b64decode(data)))
    errors = SimpleNamespace(BadSignatureError=InvalidSignature, ValueError=ValueError)
    nacl = SimpleNamespace(signing=curve, encoding=SimpleNamespace(Base64Encoder=None), exceptions=errors)
    monkeypatch.setattr(dkim, "nacl", nacl, raising=False)
    file = tmp_path / "dkim.pem"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    signer = DkimSigner.of_file(SETTINGS.mail_domain, SELECTOR, file)
    assert signer.record_name == f"{SELECTOR}._domainkey.{SETTINGS.mail_domain}"
    mail = signer.signed(Composer(SETTINGS).compose(job("Ada", "Hello", TemplateName.REPLY)))
    assert verified(mail, dnsfunc=lambda *_, **__: signer.record.encode())
    assert not verified(mail.replace(b"Date: ", b"Date:  1"), dnsfunc=lambda *_, **__: signer.record.encode())


@pytest.mark.parametrize("body", [b"", b"\r\n\r\n", b" a \t b  \r\n\r\n \r\n", b"x"])
def test_bodies_at_the_edge(body: bytes) -> None:
    signer = DkimSigner(SETTINGS.mail_domain, SELECTOR, KEY)
    assert verified(signer.signed(b"From: a@b.example\r\nSubject: x\r\n\r\n" + body), dnsfunc=dns)


def test_a_key_that_cannot_be_used_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "no.pem").write_text("secret words")
    with pytest.raises(ValueError, match="holds no private key") as refused:
        DkimSigner.of_file("everdesk.example", SELECTOR, tmp_path / "no.pem")
    assert "secret words" not in str(refused.value)
    with pytest.raises(ValueError, match="holds no private key"):
        DkimSigner.of_file("everdesk.example", SELECTOR, tmp_path / "missing.pem")
    with pytest.raises(ValidationError, match="both dkim_key_file and dkim_selector"):
        NotificationSettings.model_validate({**SETTINGS.model_dump(), "dkim_selector": SELECTOR})
