"""Shapes of real credentials, and where the committed files have one.

Shapes with a fixed beginning only. Guessing by randomness or by words such as `password` finds every made-up password
of a test, and takes longer than all other checks; what it would find besides is what reviews are for.
"""

import hashlib
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LARGEST = 4 * 1024 * 1024
SHAPES = {
    "private key": r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----\s*[A-Za-z0-9+/=\\]{20}",
    "AWS key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "GitHub token": r"\bgh[pousr]_[A-Za-z0-9]{36}|\bgithub_pat_[A-Za-z0-9_]{40}",
    "GitLab token": r"\bglpat-[\w-]{20}",
    "Slack token": r"\bxox[abeoprs]-[\w-]{10}|hooks\.slack\.com/services/T\w{8,}/B\w{8,}/\w{20}",
    "Stripe key": r"\b[rs]k_live_\w{20}",
    "Google key": r"\bAIza[\w-]{35}",
    "package index token": r"\bpypi-AgEI[\w-]{50}|\bnpm_[A-Za-z0-9]{36}",
    "model provider key": r"\bsk-(?:ant|proj)-[\w-]{30}",
    "mail provider key": r"\bSG\.[\w-]{22}\.[\w-]{43}",
    "signed token": r"\beyJ[\w-]{16,}\.eyJ[\w-]{16,}\.[\w-]{20,}",
    "key of ours": r"\bhds?_[0-9a-f]{16}_[\w-]{43}",
}
NAMES = re.compile(
    r"(?:^|/)(?:\.env|\.netrc|\.pypirc|\.npmrc|id_(?:rsa|ed25519|ecdsa)|[^/]+\.(?:pem|key|p12|pfx|jks))$"
)
"""Files that hold nothing but credentials."""
_ANY = re.compile("|".join(f"({shape})" for shape in SHAPES.values()), re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class CommittedSecret:
    """A credential, or what looks like one; named by a digest, so that no report repeats it."""

    path: str
    shape: str
    digest: str
    line: int = 0

    @property
    def baseline(self) -> str:
        """Its line in the baseline: a moved line stays known, another credential in the same file does not."""
        return f"{self.path} | {self.shape} | {self.digest}"


def scan(root: Path) -> list[CommittedSecret]:
    """What the committed files of a checkout hold."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, check=True, text=True)
    found = list[CommittedSecret]()
    for path in filter(None, listed.stdout.split("\0")):
        file = root / path
        if NAMES.search(path):
            found.append(CommittedSecret(path, "file of credentials", _digest(path)))
        if file.is_file() and not file.is_symlink() and file.stat().st_size <= LARGEST:
            found += find_in(path, file.read_text(encoding="utf-8", errors="replace"))
    return sorted(found)


def find_in(path: str, text: str) -> Iterator[CommittedSecret]:
    """What one text holds."""
    names = tuple(SHAPES)
    for match in _ANY.finditer(text):
        shape = names[(match.lastindex or 1) - 1]
        yield CommittedSecret(path, shape, _digest(match[0]), text.count("\n", 0, match.start()) + 1)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
