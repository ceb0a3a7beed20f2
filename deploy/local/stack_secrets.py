"""Every secret of one local stack, made once and kept in a private file."""

import secrets
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from deploy.local.errors import LocalStackError
from deploy.local.private_files import write_private

_WORDS = """
amber anchor aspen badger beacon birch bison breeze canyon cedar cobalt comet copper coral crane
delta ember falcon fern flint garnet glacier harbor hazel heron indigo island jasper juniper kestrel
lagoon lark lotus lynx maple marble meadow mesa nectar nimbus oak ocean olive onyx orchid osprey
otter pebble pine plover quartz quill raven reef river robin saffron sage sierra slate sparrow
spruce summit thistle tiger topaz tulip tundra umber valley velvet violet walnut willow wren yarrow
zephyr
""".split()  # noqa: SIM905


def _token() -> str:
    return secrets.token_urlsafe(32)


def _readable_password() -> str:
    """Like amber-falcon-4821-river-otter-7730: easy to type, about 50 bits."""
    words = [secrets.choice(_WORDS) for _ in range(4)]
    numbers = [f"{secrets.randbelow(10_000):04d}" for _ in range(2)]
    return "-".join([*words[:2], numbers[0], *words[2:], numbers[1]])


def _api_key() -> str:
    return f"hd_{secrets.token_hex(8)}_{secrets.token_urlsafe(32)}"


class StackSecrets(BaseModel):
    model_config = ConfigDict(frozen=True)

    postgres: str = Field(default_factory=_token, repr=False)
    intake: str = Field(default_factory=_token, repr=False)
    assignment: str = Field(default_factory=_token, repr=False)
    notification: str = Field(default_factory=_token, repr=False)
    nats: str = Field(default_factory=_token, repr=False)
    link: str = Field(default_factory=_token, repr=False)
    session: str = Field(default_factory=_token, repr=False)
    operator: str = Field(default_factory=_token, repr=False)
    api_key: str = Field(default_factory=_api_key, repr=False)
    setup: str = Field(default_factory=_token, repr=False)
    agent_password: str = Field(default_factory=_readable_password, repr=False)

    @property
    def database_passwords(self) -> dict[str, str]:
        names = ("postgres", "intake", "assignment", "notification")
        return {name: str(getattr(self, name)) for name in names}


def load_or_create(path: Path) -> StackSecrets:
    """Secrets added by a newer version are made up and saved; the others stay."""
    before = path.read_text(encoding="utf-8") if path.exists() else "{}"
    try:
        found = StackSecrets.model_validate_json(before)
    except ValidationError:
        raise LocalStackError(
            f"{path} is not readable as secrets. Bring back the file, or remove the folder {path.parent} "
            "to start afresh: the data in it cannot be opened with new secrets."
        ) from None
    after = found.model_dump_json(indent=2)
    if after != before:
        write_private(path, after)
    return found
