"""Reads the desk's forms into the same bodies that the API takes."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from starlette.datastructures import FormData

from services.assignment.web.refusal_texts import refusal_sentence
from shared.kit.i18n.messages import marked as _

FRAME = frozenset({"csrf_token", "form_id", "revision", "then", "undo", "kind"})
"""Fields of every form that are not part of what it says."""
MAX_FORM_ID = 64

SAID: Mapping[str, str] = {
    "claim": _("The ticket is yours."),
    "assign": _("Assigned."),
    "release": _("Given back to the team."),
    "transfer": _("Transferred."),
    "triage": _("Triaged."),
    "prioritise": _("Priority changed."),
    "set-due": _("Due date set."),
    "change-policy": _("SLA policy changed."),
    "pend": _("Waiting for the requester."),
    "hold": _("On hold."),
    "resume": _("Work goes on."),
    "resolve": _("Resolved. Reopen it if that was wrong."),
    "reopen": _("Reopened."),
    "close": _("Closed. Reopen it if that was wrong."),
    "merge": _("Merged. This is the ticket that it is part of now."),
    "unmerge": _("Unmerged: both tickets stand as they did before."),
    "split": _("A new ticket is being opened with that message; it is linked here."),
    "replies": _("Reply sent."),
    "notes": _("Note added."),
    "tags": _("Tags changed."),
}
"""What the next page says after each action."""


def plain_values(form: FormData) -> dict[str, str]:
    """The text fields of a form, the ids of several files in one; other repetitions are not ours."""
    values = {name: value for name, value in form.items() if isinstance(value, str) and name != "csrf_token"}
    if "attachments" in form:
        values["attachments"] = " ".join(one for one in form.getlist("attachments") if isinstance(one, str))
    form_id = values.get("form_id", "")
    if len(form_id) > MAX_FORM_ID or not form_id.isascii() or not form_id.isprintable():
        del values["form_id"]
    return values


def body_of_form(action: str, values: Mapping[str, str]) -> dict[str, Any]:
    """The body the API would have been sent: empty optional fields are left out."""
    said = {name: value.replace("\r\n", "\n") for name, value in values.items() if name not in FRAME}
    if action == "tags":
        return {name: said.get(name, "").replace(",", " ").split() for name in ("add", "remove")}
    if action == "set-due" and said.get("due_at"):
        said["due_at"] = f"{said['due_at'].removesuffix('Z')}Z"
    if action in {"replies", "notes"}:
        return {**_given(said), "attachments": said.get("attachments", "").split()}
    return _given(said)


def _given(said: Mapping[str, str]) -> dict[str, Any]:
    required = {"body", "agent_id", "team_id", "priority", "due_at", "policy_id", "reason", "into"}
    return {name: value for name, value in said.items() if value or name in required}


def revision_in(values: Mapping[str, str]) -> int | None:
    """The revision the page showed."""
    revision = values.get("revision", "")
    return int(revision) if revision.isascii() and revision.isdigit() and len(revision) < 10 else None


def errors_of(error: ValidationError) -> tuple[tuple[str, str], ...]:
    """What is wrong, by field, in words for people."""
    return tuple(
        (str(one["loc"][0]) if one["loc"] else "form", refusal_sentence(one["msg"]))
        for one in error.errors(include_url=False)
    )
