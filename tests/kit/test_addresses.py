"""An address has one form, however its domain is written."""

import pytest

from shared.kit.addresses import (
    NOT_SERVED,
    address_key,
    canonical_address,
    is_plain,
    is_reachable,
    readable_address,
    with_ascii_domain,
)

ASCII = "ida@xn--bcher-kva.example"


@pytest.mark.parametrize(
    "written",
    [
        "ida@bücher.example",
        "ida@BÜCHER.Example",
        "ida@bu\u0308cher.example",
        "ida@bücher。example",
        "ida@xn--bcher-kva.example",
        "ida@XN--BCHER-KVA.EXAMPLE",
    ],
)
def test_all_ways_to_write_a_domain_are_one(written: str) -> None:
    assert canonical_address(written) == readable_address(written) == with_ascii_domain(written) == ASCII
    assert address_key(f" {written.replace('ida', 'Ida')} ") == ASCII


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("ida@straße.example", "ida@xn--strae-oqa.example"),
        ("ida@strasse.example", "ida@strasse.example"),
        ("ida@例え.テスト", "ida@xn--r8jz45g.xn--zckzah"),
        ("Ida.Lind+a@Example.ORG", "Ida.Lind+a@example.org"),
    ],
)
def test_different_domains_stay_different(written: str, kept: str) -> None:
    assert canonical_address(written) == kept
    assert address_key(written) == kept.lower()


@pytest.mark.parametrize(
    "written", ["jürgen@bank.example", "用户@例え.テスト", "\u200bida@bank.example", "id\u0430@bank.example"]
)
def test_a_mailbox_beyond_ascii_is_refused_in_one_sentence(written: str) -> None:
    with pytest.raises(ValueError, match="characters beyond ASCII") as refusal:
        canonical_address(written)
    assert str(refusal.value) == NOT_SERVED
    assert readable_address(written) is None
    assert not is_plain(written)
    assert not is_reachable(with_ascii_domain(written))


@pytest.mark.parametrize(
    "written",
    [
        "ida",
        "@",
        "ida@",
        "@bank.example",
        "a b@bank.example",
        '"a"@bank.example',
        "=?utf-8?q?x?=@bank.example",
        "a@b@c",
        "",
    ],
)
def test_what_is_no_address_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        canonical_address(written)
    assert readable_address(written) is None
    assert address_key(written) == written.lower()


def test_mail_comes_from_hosts_that_nobody_may_type() -> None:
    for address in ("root@mailhost", "a@my_host.example", "ida@xn--i-7iq.example", "ida@[192.0.2.1]"):
        assert readable_address(address) == address
    assert readable_address("ida@i❤.example") is None


def test_what_cannot_be_reached_is_known() -> None:
    assert is_reachable(ASCII)
    assert not is_reachable("nobody@unknown.invalid")
    assert not is_reachable("nobody@INVALID")
    assert is_reachable("nobody@notinvalid")


@pytest.mark.parametrize("written", ["ida@" + "ü" * 70 + ".example", "ida@-ü.example", "ü@\ud800.example", "@ü..", "ü"])
def test_a_key_can_be_made_of_anything(written: str) -> None:
    assert isinstance(address_key(written), str)
