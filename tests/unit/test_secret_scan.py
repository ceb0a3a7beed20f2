"""Credentials in committed files are found, and none is there that nobody has looked at."""

import pytest

from tests.secrets.__main__ import BASELINE, ROOT
from tests.secrets.scan import NAMES, SHAPES, find_in, scan

# Put together here, so that the scan does not find this file.
SAMPLES = {
    "private key": "-----BEGIN RSA PRIVATE" + " KEY-----\nMIIEpAIBAAKCAQEAx3Vb0123456789",
    "AWS key": "AKIA" + "IOSFODNN7EXAMPLE",
    "GitHub token": "ghp_" + "a1B2" * 9,
    "GitLab token": "glpat-" + "a1B2" * 5,
    "Slack token": "xoxb-" + "1234567890-abc",
    "Stripe key": "sk_live_" + "a1B2" * 6,
    "Google key": "AIza" + "a1B2c" * 7,
    "package index token": "npm_" + "a1B2" * 9,
    "model provider key": "sk-ant-" + "a1B2" * 10,
    "mail provider key": "SG." + "a" * 22 + "." + "b" * 43,
    "signed token": "eyJhbGciOiJIUzI1NiIs" + ".eyJzdWIiOiIxMjM0NTY3" + "." + "a1B2" * 8,
    "key of ours": "hds_" + "0f" * 8 + "_" + "a" * 43,
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_credential_is_found_in_its_line_and_not_repeated(shape: str) -> None:
    (found,) = find_in("deploy/x.py", f'first = 1\nsecond = "{SAMPLES[shape]}"\n')
    assert (found.shape, found.line) == (shape, 2)
    assert SAMPLES[shape] not in found.baseline


def test_words_about_credentials_are_none() -> None:
    assert not list(find_in("a.md", "password: hunter2, hd_…, AKIA, -----BEGIN PRIVATE" + " KEY-----, eyJ.eyJ.x"))
    assert NAMES.search("deploy/.env")
    assert not NAMES.search(".env.example")


def test_no_committed_file_holds_one_that_nobody_looked_at() -> None:
    assert {one.baseline for one in scan(ROOT)} <= set(BASELINE.read_text().splitlines())
