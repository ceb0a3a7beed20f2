"""What an API key may be allowed to do."""

from enum import StrEnum


class KeyScope(StrEnum):
    """What a key may do: with the tickets it created, or with how the help desk is set up."""

    CREATE = "create"
    READ = "read"
    REPLY = "reply"
    ADMIN = "admin"


CLIENT_SCOPES = (KeyScope.CREATE, KeyScope.READ, KeyScope.REPLY)
"""What a client program needs; setting up the help desk must be asked for."""
