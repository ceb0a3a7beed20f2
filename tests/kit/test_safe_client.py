"""A typed URL reaches the public internet and nothing else, whatever its name resolves to or it redirects to."""

import asyncio
import ipaddress
import ssl
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from shared.kit.clock import utc_now
from shared.kit.http.public_addresses import OutgoingRefused, is_public
from shared.kit.http.safe_client import OutgoingFailed, RequestBudget, Resolver, SafeHttpClient
from tests.support.small_server import Serve, answering, serving

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)


def resolving(**hosts: str | Sequence[str]) -> Resolver:
    """A resolver that knows these hosts; underscores stand for dots. Literal addresses are themselves."""
    known = {name.replace("_", "."): (found,) if isinstance(found, str) else found for name, found in hosts.items()}

    async def resolver(host: str, port: int) -> Sequence[str]:
        if host in known:
            return known[host]
        return [str(ipaddress.ip_address(host))]

    return resolver


def endless(pause: float) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        try:
            while True:
                writer.write(b"x" * (1 if pause else 65_536))
                await writer.drain()
                await asyncio.sleep(pause)
        except (ConnectionError, asyncio.CancelledError):
            writer.close()

    return serve


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.1.1", "169.254.169.254", "172.16.0.1"),
        *("172.31.255.255", "192.0.0.8", "192.0.2.1", "192.168.1.1", "198.18.0.1", "198.51.100.7", "203.0.113.9"),
        *("224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
        *(
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:93.184.215.14",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::808:808",
        ),
        *("64:ff9b:1::1", "100::1", "fc00::1", "fd12:3456::1", "fe80::1", "fec0::1", "ff02::1", "2001:db8::1"),
        *("2001::1", "2002:7f00:1::", "2002:a00:1::1", "3fff::1", "5f00::1", "2001:1::1", "2002:101:101::"),
        *("192.0.0.9", "192.31.196.1", "192.52.193.1", "192.88.99.1", "192.175.48.1", "2620:4f:8000::1"),
        *("ff0e::1", "4000::1", "a000::1", "::1.1.1.1"),
    ],
)
async def test_a_name_that_resolves_to_an_address_of_ours_is_refused(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))
    outgoing = SafeHttpClient(resolver=resolving(feeds_example=address))
    with pytest.raises(OutgoingRefused, match=r"feeds.example is not on the public internet") as refused:
        await outgoing.get("https://feeds.example/holidays.ics")
    assert address not in str(refused.value)


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.215.14", "172.32.0.1", "2606:4700::1111", "2a00:1450:4001::1"])
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


async def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    outgoing = SafeHttpClient(resolver=resolving(feeds_example=("93.184.215.14", "10.0.0.1")))
    with pytest.raises(OutgoingRefused):
        await outgoing.get("https://feeds.example/")


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://93.184.215.14/",
            "ftp://feeds.example/",
            "file:///etc/passwd",
            "gopher://x/",
            "javascript:alert(1)",
            "",
        ),
        *("https://", "https:///x", "https:feeds.example", "//feeds.example/", "https://feeds.example:0/"),
        *("https://feeds.example:65536/", "https://feeds.example:x/", "https://exa%6dple.com/", "https://ex ample/"),
        *("https://user@feeds.example/", "https://user:secret@feeds.example/", "https://feeds.example/\r\nX: y"),
        *("https://2130706433/", "https://0177.0.0.1/", "https://0x7f.0.0.1/", "https://0x7f000001/", "https://127.1/"),
        *("https://127.0.0.1./", "https://1.2.3.04/", "https://①②⑦.⓪.⓪.①/", "https://[::1%25lo]/", "https://[::1/"),
        *("https://[::1]/", "https://[::ffff:7f00:1]/", "https://[64:ff9b::7f00:1]/", "https://127.0.0.1:8002/v1/me"),
        *("https://169.254.169.254/latest/meta-data/", "https://[fe80::1]/", f"https://feeds.example/{'x' * 2000}"),
        *("https://127\u30020\u30020\u30021/", "https://127\uff0e0\uff0e0\uff0e1/", "https://[::ffff:0:127.0.0.1]/"),
        *("https://[2002:7f00:1::]/", "https://[64:ff9b::169.254.169.254]/", "https://0/", "https://017700000001/"),
        *(
            "https://127.0.0.1%2f@feeds.example/",
            "https://feeds.example\\@127.0.0.1/",
            "https://127.0.0.1#@feeds.example",
        ),
    ],
)
async def test_spellings_that_hide_an_address_are_refused(url: str) -> None:
    with pytest.raises(OutgoingRefused):
        await SafeHttpClient(resolver=resolving(feeds_example="93.184.215.14")).get(url)


async def test_a_name_that_changes_its_mind_is_asked_once_and_its_checked_address_dialled() -> None:
    """DNS rebinding: what the name says after the check is never heard; another request checks anew."""
    answers, asked = iter(["127.0.0.1", "10.0.0.1"]), list[str]()

    async def resolver(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return [next(answers)]

    async with serving(answering("200 OK", b"here")) as port:
        outgoing = SafeHttpClient(LOOPBACK, resolver=resolver)
        assert (await outgoing.post(f"http://rebinding.example:{port}/", b"{}", {})).body == b"here"
        assert asked == ["rebinding.example"]
        with pytest.raises(OutgoingRefused):
            await outgoing.post(f"http://rebinding.example:{port}/", b"{}", {})


@pytest.mark.parametrize(
    "location", ["https://169.254.169.254/latest", "https://inside.example/", "file:///etc/passwd"]
)
async def test_a_redirect_is_checked_like_the_first_url(location: str) -> None:
    seen: list[str] = []
    async with serving(answering(f"302 Found\r\nLocation: {location}", seen=seen)) as port:
        outgoing = SafeHttpClient(LOOPBACK, resolver=resolving(inside_example="10.0.0.1"))
        with pytest.raises(OutgoingRefused):
            await outgoing.get(f"http://127.0.0.1:{port}/")
    assert len(seen) == 1


async def test_redirects_are_followed_three_times_and_not_for_ever() -> None:
    seen: list[str] = []
    async with serving(answering("301 Moved\r\nLocation: /again", seen=seen)) as port:
        with pytest.raises(OutgoingFailed, match="redirects"):
            await SafeHttpClient(LOOPBACK).get(f"http://127.0.0.1:{port}/")
        assert len(seen) == 4
        assert (await SafeHttpClient(LOOPBACK).post(f"http://127.0.0.1:{port}/", b"{}", {})).status == 301
    assert len(seen) == 5


async def test_an_allowed_network_may_be_asked_over_http_under_its_name() -> None:
    seen: list[str] = []
    async with serving(answering("200 OK", b"hello", seen)) as port:
        outgoing = SafeHttpClient(LOOPBACK, resolver=resolving(intranet_example="127.0.0.1"))
        answer = await outgoing.get(f"http://intranet.example:{port}/a?b=c", {"Accept": "text/calendar"})
    assert (answer.status, answer.body) == (200, b"hello")
    assert seen[0].startswith("GET /a?b=c HTTP/1.1")
    assert f"Host: intranet.example:{port}" in seen[0]


async def test_an_answer_that_never_ends_is_cut_at_its_size() -> None:
    async with serving(endless(pause=0)) as port:
        with pytest.raises(OutgoingFailed, match="larger than 256 KiB"):
            await SafeHttpClient(LOOPBACK, budget=RequestBudget(max_bytes=256 * 1024)).get(f"http://127.0.0.1:{port}/")


async def test_an_answer_that_trickles_is_cut_at_its_time() -> None:
    async with serving(endless(pause=0.02)) as port:
        with pytest.raises(OutgoingFailed, match=r"within 0.4 s"):
            await SafeHttpClient(LOOPBACK, budget=RequestBudget(within_seconds=0.4)).get(f"http://127.0.0.1:{port}/")


async def test_a_resolver_that_hangs_is_cut_at_its_time() -> None:
    async def hanging(host: str, port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    with pytest.raises(OutgoingFailed, match="within"):
        await SafeHttpClient(resolver=hanging, budget=RequestBudget(within_seconds=0.1)).get("https://feeds.example/")


async def test_a_compressed_answer_is_refused_before_it_can_grow() -> None:
    async with serving(answering("200 OK\r\nContent-Encoding: gzip", b"\x1f\x8b")) as port:
        with pytest.raises(OutgoingFailed, match="compressed"):
            await SafeHttpClient(LOOPBACK).get(f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize("reply", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"])
async def test_a_server_that_breaks_off_is_a_failure_with_words(reply: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply)
        writer.close()

    async with serving(serve) as port:
        with pytest.raises(OutgoingFailed, match="broke off"):
            await SafeHttpClient(LOOPBACK).get(f"http://127.0.0.1:{port}/")
    with pytest.raises(OutgoingFailed, match="lets nobody connect"):
        await SafeHttpClient(LOOPBACK).get(f"http://127.0.0.1:{port}/")


async def test_the_environment_sends_nothing_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with serving(answering("200 OK", b"direct")) as port:
        assert (await SafeHttpClient(LOOPBACK).get(f"http://127.0.0.1:{port}/")).body == b"direct"


async def test_tls_verifies_the_name_although_the_address_is_what_is_dialled(tmp_path: Path) -> None:
    server_tls, client_tls = certificate_for("feeds.example", tmp_path)
    names = resolving(feeds_example="127.0.0.1", other_example="127.0.0.1")
    async with serving(answering("200 OK", b"secret"), server_tls) as port:
        outgoing = SafeHttpClient(LOOPBACK, resolver=names, tls=client_tls)
        assert (await outgoing.get(f"https://feeds.example:{port}/")).body == b"secret"
        for wrong in (f"https://other.example:{port}/", f"https://127.0.0.1:{port}/"):
            with pytest.raises(OutgoingFailed, match="certificate"):
                await outgoing.get(wrong)
        with pytest.raises(OutgoingFailed, match="certificate"):
            await SafeHttpClient(LOOPBACK, resolver=names).get(f"https://feeds.example:{port}/")


def certificate_for(host: str, folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A self-signed certificate: what the server shows, and what a client believes."""
    key, now = ec.generate_private_key(ec.SECP256R1()), utc_now()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    return server, ssl.create_default_context(cadata=certificate.public_bytes(serialization.Encoding.PEM).decode())
