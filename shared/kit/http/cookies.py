"""Cookie names, with the `__Host-` prefix over HTTPS."""

HOST_PREFIX = "__Host-"


def cookie_name(name: str, *, secure: bool) -> str:
    """What the browser calls a cookie. A sister domain, or the same host over http, cannot plant a prefixed one."""
    return f"{HOST_PREFIX}{name}" if secure else name


def wants_secure_cookies(setting: bool, public_url: str) -> bool:  # noqa: FBT001 - a setting as it was read
    """Whether cookies are for https alone: where the settings say so, or the public URL is one of https."""
    return setting or public_url.lower().startswith("https:")
