"""How an agent proved who they are, as lists of sessions have it."""

from shared.kit.i18n.messages import marked as _

PROOFS = {
    "password": _("password"),
    "sso": _("single sign-on"),
    "totp": _("authenticator app"),
    "passkey": _("passkey"),
    "recovery_code": _("recovery code"),
}
"""How a session was opened."""
