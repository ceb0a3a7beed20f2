"""The topics of a fresh help desk, two of them with a form that shows what forms can do."""

from typing import Any

from services.intake.commands.topics import TopicContent
from services.intake.forms import Form

PROBLEM_FORM: list[dict[str, Any]] = [
    {
        "kind": "choice",
        "name": "system",
        "label": "Which system?",
        "choices": [
            {"key": "website", "label": "Website"},
            {"key": "app", "label": "The app on a phone or tablet"},
            {"key": "cash_point", "label": "Cash point"},
            {"key": "other", "label": "Something else"},
        ],
    },
    {
        "kind": "text",
        "name": "place",
        "label": "Where is the cash point?",
        "hint": "The street, or the number on its sticker",
        "shown_if": {"field": "system", "is": "cash_point"},
    },
    {
        "kind": "multi_choice",
        "name": "signs",
        "label": "What do you notice?",
        "choices": [
            {"key": "message", "label": "An error message"},
            {"key": "slow", "label": "It is very slow"},
            {"key": "wrong", "label": "It shows something wrong"},
            {"key": "nothing", "label": "Nothing happens at all"},
        ],
    },
    {
        "kind": "long_text",
        "name": "message",
        "label": "The error message",
        "hint": "Word for word, if you can",
        "max_length": 1000,
        "shown_if": {"field": "signs", "is": "message"},
    },
    {
        "kind": "file",
        "name": "screenshot",
        "label": "A picture of it",
        "hint": "Up to three; hide what nobody should see",
        "max_files": 3,
        "shown_if": {"field": "signs", "is_one_of": ["message", "wrong"]},
    },
    {"kind": "date", "name": "since", "label": "Since when?", "min": "2000-01-01"},
    {"kind": "text", "name": "asset_tag", "label": "Asset tag", "visible_to": "agents", "max_length": 40},
]
BANKING_FORM: list[dict[str, Any]] = [
    {
        "kind": "choice",
        "name": "service",
        "label": "Which part of it?",
        "choices": [
            {"key": "sign_in", "label": "Signing in"},
            {"key": "payment", "label": "A payment or transfer"},
            {"key": "card", "label": "A card"},
            {"key": "other", "label": "Something else"},
        ],
    },
    {
        "kind": "number",
        "name": "amount",
        "label": "Amount of the payment",
        "hint": "Roughly is enough",
        "min": 0,
        "max": 1_000_000_000,
        "shown_if": {"field": "service", "is": "payment"},
    },
    {
        "kind": "text",
        "name": "card_ending",
        "label": "Last four digits of the card",
        "hint": "Never the whole number",
        "max_length": 4,
        "shown_if": {"field": "service", "is": "card"},
    },
    {"kind": "text", "name": "branch", "label": "Branch", "visible_to": "agents"},
    {"kind": "number", "name": "affected_users", "label": "Affected users", "is_whole": True, "min": 0,
     "visible_to": "agents"},
]  # fmt: skip

SEEDED_TOPICS = (
    TopicContent(slug="general", name="General enquiry", description="Questions that fit nowhere else"),
    TopicContent(
        slug="online-banking",
        name="Online banking",
        description="Payments, transfers, cards and the banking app",
        form=Form.parse(BANKING_FORM),
    ),
    TopicContent(
        slug="access",
        name="Access and accounts",
        description="Signing in, passwords, new and closed accounts",
    ),
    TopicContent(
        slug="report-problem",
        name="Report a problem",
        description="Something is broken, slow or behaves oddly",
        form=Form.parse(PROBLEM_FORM),
    ),
    TopicContent(slug="feedback", name="Feedback", description="What you like, and what we should do better"),
)
