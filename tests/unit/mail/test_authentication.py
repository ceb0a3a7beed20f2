"""Whether a mail server of ours says that a mail is from whom it names, field by field."""

import pytest

from services.intake.mail.parsing.parser import read_mail
from tests.unit.mail.sample_mails import letter

MX = "mx.desk.example"
AUTHENTIC = [
    f"{MX}; dmarc=pass header.from=bank.example",
    f"{MX}; dmarc=pass (p=reject dis=none) header.from=Bank.Example",
    f"{MX} 1; spf=fail smtp.mailfrom=lists.example; dkim=pass header.d=x.example; dmarc=pass header.from=bank.example",
    f"{MX}; dkim=pass (2048-bit key) header.d=bank.example header.s=a header.b=abc",
    f"{MX}; dkim=fail header.d=bank.example; dkim=pass header.d=bank.example",
    f"{MX}; spf=pass smtp.mailfrom=dana@bank.example",
    f"{MX}; spf=pass smtp.mailfrom=bank.example; dmarc=none header.from=bank.example",
    f"{MX};\r\n dkim=pass header.d=bank.example;\r\n\tspf=none",
]
NOT_AUTHENTIC = [
    "",
    MX,
    f"{MX}; none",
    f"{MX}; dmarc=fail header.from=bank.example; spf=pass smtp.mailfrom=bank.example",
    f"{MX}; dmarc=pass header.from=evil.example",
    f"{MX}; dmarc=pass",
    f"{MX}; dmarc=fail header.from=bank.example; dmarc=pass header.from=bank.example",
    f"{MX}; dmarc=bestguesspass header.from=bank.example",
    f"{MX}; dkim=pass header.d=evil.example",
    f"{MX}; dkim=pass header.d=mybank.example",
    f"{MX}; dkim=pass header.d=sub.bank.example",
    f"{MX}; dkim=pass header.d=example",
    f"{MX}; dkim=pass header.i=@bank.example",
    f"{MX}; dkim=neutral header.d=bank.example",
    f"{MX}; spf=pass smtp.mailfrom=dana@evil.example",
    f"{MX}; spf=pass smtp.helo=bank.example",
    f"{MX}; spf=softfail (dmarc=pass header.from=bank.example) smtp.mailfrom=x@evil.example",
    f"{MX}; spf=softfail (; dmarc=pass header.from=bank.example",
    f'{MX}; spf=fail smtp.mailfrom="x; dmarc=pass header.from=bank.example"@evil.example',
]


@pytest.mark.parametrize("field", AUTHENTIC)
def test_a_passed_check_of_the_authors_domain_counts(field: str) -> None:
    assert read_mail(letter(Authentication_Results=field)).authenticated_by == MX


@pytest.mark.parametrize("field", NOT_AUTHENTIC)
def test_anything_else_does_not(field: str) -> None:
    assert read_mail(letter(Authentication_Results=field)).authenticated_by is None


def test_only_the_topmost_field_counts() -> None:
    ours = f"Authentication-Results: {MX}; dmarc=fail header.from=bank.example\r\n".encode()
    theirs = f"Authentication-Results: {MX}; dmarc=pass header.from=bank.example\r\n".encode()
    assert read_mail(ours + theirs + letter()).authenticated_by is None
    assert read_mail(theirs + ours + letter()).authenticated_by == MX


@pytest.mark.parametrize("more", ["a@bank.example, b@evil.example", "Dana <dana@bank.example>, Eve <eve@bank.example>"])
def test_of_several_authors_none_is_vouched_for(more: str) -> None:
    passed = f"{MX}; dmarc=pass header.from=bank.example"
    assert read_mail(letter(Authentication_Results=passed, From=more)).authenticated_by is None
    second = f"From: {more}\r\n".encode() + letter(Authentication_Results=passed)
    assert read_mail(second).authenticated_by is None
