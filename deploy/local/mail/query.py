"""The search language of the inbox: `to:ada subject:"bank down" word`, every term must match."""

import shlex
from collections.abc import Callable, Iterable, Iterator

from deploy.local.mail.message import Address, Summary


def matching(summaries: Iterable[Summary], query: str) -> Iterator[Summary]:
    terms = [_term(word) for word in _words(query.lower())]
    return (summary for summary in summaries if all(term(summary) for term in terms))


def _words(query: str) -> list[str]:
    try:
        return shlex.split(query)
    except ValueError:  # an unclosed quote or an apostrophe
        return query.replace('"', " ").split()


def _term(word: str) -> Callable[[Summary], bool]:
    field, separator, wanted = word.partition(":")
    read = _FIELDS.get(field) if separator else None
    if read is None:
        return lambda summary: word in _everything(summary)
    return lambda summary: wanted in read(summary).lower()


def _recipients(summary: Summary) -> str:
    return " ".join([_joined(summary.to), _joined(summary.cc), *summary.envelope_to])


def _everything(summary: Summary) -> str:
    parts = (summary.subject, str(summary.sender), _recipients(summary), summary.searched)
    return " ".join(parts).lower()


def _joined(addresses: Iterable[Address]) -> str:
    return " ".join(str(address) for address in addresses)


_FIELDS: dict[str, Callable[[Summary], str]] = {
    "to": _recipients,
    "from": lambda summary: str(summary.sender),
    "subject": lambda summary: summary.subject,
    "message-id": lambda summary: summary.message_id,
}
