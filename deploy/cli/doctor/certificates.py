"""Certificates: how long they are good for, in files and as servers show them."""

import asyncio
import ssl
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509

from deploy.cli.doctor.findings import Finding, bad, doubtful, ok, unknown
from deploy.cli.doctor.process_environments import ProcessEnvironments
from shared.kit.clock import utc_now

WARNING, ERROR = timedelta(days=21), timedelta(days=5)
PART_FOR_WARNING, PART_FOR_ERROR = 4, 10
"""Of a certificate's life: some live for hours and are renewed with a third of that left."""
ANSWERS_WITHIN = 5.0
PUBLIC = ("EVERDESK_PORTAL_URL", "EVERDESK_DESK_URL")
FRONT_DOOR = "EVERDESK_FRONT_DOOR"
"""`host:port` at which the front door is reached from here: a public name may lead elsewhere, or nowhere, inside."""
FILE = "EVERDESK_MAIL_TLS_CERTIFICATE"
MEND = "renew it (certbot renew, or at whoever issued it) and restart what shows it"


async def check_certificates(around: ProcessEnvironments) -> list[Finding]:
    """Those of the public addresses, and the one that mail is taken in with."""
    urls = {url for name in PUBLIC if (url := around.setting(name))}
    inside = around.setting(FRONT_DOOR)
    found = [await _shown(url, inside) for url in sorted(urls) if url.startswith("https:")]
    if path := around.setting(FILE, "mail_in"):
        found.append(_in_file(Path(path)))
    return found or [ok("certificates", "expiry", "none is in use: no public https address, no STARTTLS for mail in")]


async def _shown(url: str, inside: str | None) -> Finding:
    """The certificate of a public address, as the front door shows it to whoever is inside, if that is known."""
    parts = urlsplit(url)
    name = parts.hostname or ""
    try:
        place = urlsplit(f"//{inside}") if inside else parts
        address, port = place.hostname or name, place.port or 443
    except ValueError:
        named = FRONT_DOOR if inside else "the address"
        return bad("certificates", name, f"{inside or url} names no host and port", f"correct {named}")
    try:
        async with asyncio.timeout(ANSWERS_WITHIN):
            der = await _certificate_of(name, address, port)
    except ssl.SSLError as problem:
        return bad("certificates", name, f"TLS fails: {problem.reason}", MEND)
    except (OSError, TimeoutError) as problem:
        return unknown("certificates", name, f"no answer from {address} on port {port}: {type(problem).__name__}")
    return certificate_finding(name, x509.load_der_x509_certificate(der))


async def _certificate_of(name: str, address: str, port: int) -> bytes:
    """As the server shows it, whether or not it is trusted here: this is about its date."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    _, writer = await asyncio.open_connection(address, port, ssl=context, server_hostname=name)
    try:
        shown: bytes | None = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    finally:
        writer.close()
    if shown is None:
        raise ConnectionError("no certificate was shown")
    return shown


def _in_file(path: Path) -> Finding:
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as problem:
        return bad("certificates", path.name, f"cannot be read: {problem}", f"correct {FILE}")
    return certificate_finding(path.name, certificate)


def certificate_finding(name: str, certificate: x509.Certificate) -> Finding:
    """How long a certificate is good for, as of now."""
    return expiry_finding(name, certificate.not_valid_before_utc, certificate.not_valid_after_utc, utc_now())


def expiry_finding(name: str, since: datetime, ends: datetime, now: datetime) -> Finding:
    """How long one certificate is good for."""
    left, life = ends - now, ends - since
    how_long = f"{left.days} days" if left.days else f"{left // timedelta(hours=1)} hours"
    says = f"good until {ends:%Y-%m-%d}, {how_long}" if left > timedelta() else f"expired on {ends:%Y-%m-%d}"
    if left <= min(ERROR, life / PART_FOR_ERROR):
        return bad("certificates", name, says, MEND)
    if left <= min(WARNING, life / PART_FOR_WARNING):
        return doubtful("certificates", name, says, MEND)
    return ok("certificates", name, says)
