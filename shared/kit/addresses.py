"""One form for each e-mail address: `ida@bücher.example` and `ida@xn--bcher-kva.example` are one person everywhere.

Addresses are kept, compared and written to with their domain in ASCII (IDNA 2008 after UTS 46).
"""

import re
from functools import lru_cache

import idna
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

SPECIAL_USE_DOMAIN_NAMES.clear()
"""A company's own `.local` or `.test` domain is as good as any: only the form of an address is checked."""
NOT_SERVED = "An address with characters beyond ASCII before the @ is not served here."
"""The refusal of such an address on every channel: hardly any mail server could deliver an answer."""
MAX_LENGTH = 254
NOWHERE = ".invalid"
"""The domain that no mail can reach (RFC 2606); stands for senders who gave no usable address."""
_GOOGLE = ("gmail.com", "googlemail.com")
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_HOST = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?"
_PLAIN = re.compile(
    rf"(?!.*=\?)(?:{_ATOM})(?:\.{_ATOM})*@(?:{_HOST}(?:\.{_HOST})*|\[(?:IPv6:)?[0-9A-Fa-f:.]{{2,45}}\])"
)


class NotServed(ValueError):
    """The address is one that nobody could be answered at."""

    def __init__(self) -> None:
        super().__init__(NOT_SERVED)


def is_plain(address: str) -> bool:
    """Whether it can stand in a mail's header and envelope as it is: ASCII, and nothing but one address."""
    return len(address) <= MAX_LENGTH and _PLAIN.fullmatch(address) is not None


@lru_cache(maxsize=4096)
def canonical_address(text: str) -> str:
    """The address in the form in which it is kept. Raises NotServed, or ValueError that says what is wrong with it."""
    if "@" in text and not text.rpartition("@")[0].isascii():
        raise NotServed
    try:
        read = validate_email(text, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError as error:
        raise ValueError(str(error)) from None
    address = f"{read.ascii_local_part}@{read.ascii_domain.lower()}"
    if not is_plain(address):
        raise ValueError("An email address cannot be read as anything else.")
    return address


def readable_address(text: str) -> str | None:
    """The same for what stands in a mail, where some addresses work that we would let nobody type; None if it cannot.

    Such as those of hosts without a dot, or with domains of emoji.
    """
    try:
        return canonical_address(text)
    except NotServed:
        return None
    except ValueError:
        local, _, domain = text.rpartition("@")
        address = f"{local}@{ascii_domain(domain)}"
        return address if is_plain(address) else None


@lru_cache(maxsize=16_384)
def address_key(text: str) -> str:
    """What addresses are compared by: lower case, with the domain in ASCII. Takes anything, and never raises."""
    text = text.strip()
    if text.isascii():
        return text.lower()
    local, at, domain = text.rpartition("@")
    return f"{local}{at}".casefold() + ascii_domain(domain)


def mailbox_key(text: str) -> str:
    """Whose mailbox an address is, as far as its letters tell: what bans and limits per person count by.

    Without the `+tag` that most servers ignore; Google's ignores dots as well, and has two names.
    """
    local, at, domain = address_key(text).rpartition("@")
    if not at:
        return domain
    local = local.partition("+")[0] or local
    if domain in _GOOGLE:
        local, domain = local.replace(".", "") or local, _GOOGLE[0]
    return f"{local}@{domain}"


def with_ascii_domain(text: str) -> str:
    """An address that was accepted before addresses had one form, in the form in which it is kept now."""
    local, at, domain = text.rpartition("@")
    return local + at + ascii_domain(domain)


def ascii_domain(domain: str) -> str:
    """A domain in lower case and ASCII; as it is where there is no such form."""
    if domain.isascii():
        return domain.lower()
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return domain.casefold()


def is_reachable(address: str) -> bool:
    """Whether a mail to it could arrive anywhere."""
    return is_plain(address) and not f".{address.rpartition('@')[2].lower()}".endswith(NOWHERE)


def blank_address(text: str, address: str) -> str:
    """Foreign text without an address that it names, however that is spelled there."""
    return re.sub(re.escape(address), "the recipient", text, flags=re.IGNORECASE) if address else text
