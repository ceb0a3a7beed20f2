"""What an API key may be allowed to do."""

from enum import StrEnum


class KeyScope(StrEnum):
    """What a key may do: with the tickets it created, with alerts, or with how the help desk is set up."""

    CREATE = "create"
    READ = "read"
    REPLY = "reply"
    ALERT = "alert"
    ADMIN = "admin"


CLIENT_SCOPES = (KeyScope.CREATE, KeyScope.READ, KeyScope.REPLY)
"""What a client program needs; sending alerts and setting up the help desk must be asked for."""
