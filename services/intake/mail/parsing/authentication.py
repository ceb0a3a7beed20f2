"""What the mail server before us found about a mail's sender: Authentication-Results (RFC 8601), read strictly.

A mail can bring such fields along, so only the topmost counts, and only if it names a server of ours (a setting).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from services.intake.mail.parsing.addresses import addresses, without_comments
from services.intake.mail.parsing.header_fields import Header

FIELD = "authentication-results"
_METHOD = re.compile(r"(?P<method>[a-z][a-z0-9-]*)(?:/\d+)?=(?P<result>[a-z]+)")
_PROPERTY = re.compile(r"(?P<name>[a-z]+\.[a-z0-9_-]+)=(?P<value>\S+)")


@dataclass(frozen=True, slots=True)
class Result:
    """What one method found."""

    method: str
    value: str
    """`pass`, `fail`, `none` and the like."""
    properties: Mapping[str, str]

    def domain(self, name: str) -> str:
        """The domain of a property, which may be an address."""
        return self.properties.get(name, "").rpartition("@")[2].rstrip(".")


def authenticated_by(header: Header) -> str | None:
    """The server that vouches for the domain in `From`, in lower case; None if none does, or it is not clear."""
    domain = _domain_of_author(header)
    line = header.plain(FIELD).lower()
    if not domain or not line or '"' in line or "\\" in line:
        return None
    server, *found = without_comments(line).split(";")
    results = [one for one in map(_result, found) if one is not None]
    name = server.split()[0] if server.split() else ""
    return name if name and _is_aligned(results, domain) else None


def _domain_of_author(header: Header) -> str:
    """Of the one address in the one From field; with more it depends on the reader who is shown."""
    authors = addresses(header, "from")
    if len(list(header.all_raw("from"))) != 1 or len(authors) != 1:
        return ""
    return authors[0].address.rpartition("@")[2].casefold().rstrip(".")


def _is_aligned(results: list[Result], domain: str) -> bool:
    """DMARC decides where the domain has a policy; else SPF or DKIM must have passed for the author's domain."""
    dmarc = [one for one in results if one.method == "dmarc" and one.value != "none"]
    if dmarc:
        return len(dmarc) == 1 and dmarc[0].value == "pass" and dmarc[0].domain("header.from") == domain
    named = {"dkim": "header.d", "spf": "smtp.mailfrom"}
    return any(
        one.value == "pass" and one.method in named and _covers(one.domain(named[one.method]), domain)
        for one in results
    )


def _covers(signer: str, domain: str) -> bool:
    """Whether whoever holds one domain holds the other: it is the same, or lies below it."""
    return "." in signer and (domain == signer or domain.endswith(f".{signer}"))


def _result(written: str) -> Result | None:
    head = _METHOD.match(written.strip())
    if head is None:
        return None
    properties = {one["name"]: one["value"] for one in _PROPERTY.finditer(written, head.end())}
    return Result(head["method"], head["result"], properties)
