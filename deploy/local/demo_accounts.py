"""The people of the seeded organisation, in one place for the seed's readers and the console."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DemoAccount:
    email: str
    role: str


DEMO_ACCOUNTS = (
    DemoAccount("ada@everdesk.example", "All access"),
    DemoAccount("bruno@everdesk.example", "All access"),
    DemoAccount("chioma@everdesk.example", "Expanded"),
    DemoAccount("dmitri@everdesk.example", "Limited"),
    DemoAccount("vera@everdesk.example", "View only"),
)
