"""What a person needs once the stack is up: addresses and log-ins."""

from collections.abc import Mapping

from deploy.local.console import Console
from deploy.local.demo_accounts import DEMO_ACCOUNTS
from deploy.local.stack_secrets import StackSecrets

_PLACES = (
    ("Support centre (portal)", "intake", "/"),
    ("Desk for agents", "assignment", "/"),
    ("Mail that was sent", "mail", "/"),
    ("Temporal", "temporal_ui", "/"),
    ("Intake API", "intake", "/openapi.json"),
    ("Assignment API", "assignment", "/openapi.json"),
    ("Notification API", "notification", "/openapi.json"),
)


def welcome(
    console: Console,
    urls: Mapping[str, str],
    secrets: StackSecrets,
    mail_in: str,
    seconds: float,
    setup_url: str | None,
) -> None:
    console.plain()
    console.plain(f"  Everdesk is ready ({seconds:.1f} s)", "bold green")
    console.plain()
    for label, name, path in _PLACES:
        console.plain(f"  {label:<24} {urls[name]}{path}")
    console.plain(f"  {'Mail to us (SMTP)':<24} {mail_in}")
    console.plain()
    if setup_url is not None:
        console.plain("  Set it up here (works once, for the first administrator)", "bold")
        console.plain(f"  {setup_url}")
    else:
        _demonstration(console, secrets)
    console.plain()
    console.plain("  Ctrl-C stops everything; 'make run' continues where it was.")
    console.plain()


def _demonstration(console: Console, secrets: StackSecrets) -> None:
    console.plain(f"  Demo agents, all with the password {secrets.agent_password}", "bold")
    for account in DEMO_ACCOUNTS:
        console.plain(f"  {account.email:<24} {account.role}")
    console.plain()
    console.plain(f"  Demo API key for intake  {secrets.api_key}")
