"""Intake's settings: what every service has, and a little of its own."""

from pydantic import Field, SecretStr

from shared.kit.settings import ServiceSettings


class IntakeSettings(ServiceSettings):
    """Each field is the variable `EVERDESK_<FIELD>`."""

    port: int = Field(default=8001, ge=0, le=65_535)
    api_key_per_minute: int = Field(default=6000, ge=1)
    """Requests a minute allowed to a key that was made without a limit of its own."""
    address_per_minute: int = Field(default=60_000, ge=1)
    """API requests a minute allowed to one address, whatever keys it uses."""
    bad_keys_per_minute: int = Field(default=60, ge=1)
    """Keys that do not work which one address may try in a minute."""
    form_per_minute: int = Field(default=20, ge=1)
    """Form submissions a minute allowed to one address in the portal."""
    seed_api_key: SecretStr | None = None
    """A key to put in place when seeding, for demonstrations."""
