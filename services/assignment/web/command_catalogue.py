"""The catalogue of desk commands: source of shortcuts, palette, hints and help.

A command either goes to a page, or presses the element of the page that carries its name as `data-command`; where the
page does not offer that element, the command is not there. Keys are looked for in the innermost scope first: dialog,
editor, page, everywhere.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from markupsafe import Markup

from shared.kit.i18n.languages import current_language
from shared.kit.i18n.messages import gettext
from shared.kit.i18n.messages import marked as _

Scope = Literal["dialog", "editor", "page", "global"]
SCOPES: Sequence[Scope] = ("dialog", "editor", "page", "global")


@dataclass(frozen=True, slots=True)
class DeskCommand:
    """One thing that can be done from the keyboard or the palette."""

    name: str
    label: str
    keys: str = ""
    """`r`, `mod+enter` (Ctrl, or Cmd on a Mac), or two in a row: `g q`. Nothing: only in the palette."""
    scope: Scope = "page"
    href: str = ""


COMMANDS: Sequence[DeskCommand] = (
    DeskCommand("palette", _("Open the command palette"), "mod+k", "global"),
    DeskCommand("help", _("Show keyboard shortcuts"), "?", "global"),
    DeskCommand("queue", _("Go to the queue"), "g q", "global", "/queue"),
    DeskCommand("mine", _("Go to my tickets"), "g m", "global", "/queue?view=mine"),
    DeskCommand("unassigned", _("Go to unassigned tickets"), "g u", "global", "/queue?view=unassigned"),
    DeskCommand("overdue", _("Go to overdue tickets"), "g o", "global", "/queue?view=overdue"),
    DeskCommand("following", _("Go to tickets you follow"), "g f", "global", "/queue?view=all&q=is%3Afollowing"),
    DeskCommand("requesters", _("Go to requesters"), "g p", "global", "/requesters"),
    DeskCommand("reports", _("Go to reports"), "g r", "global", "/reports"),
    DeskCommand("inbox", _("Go to your inbox"), "g i", "global", "/inbox"),
    DeskCommand("settings", _("Go to your settings"), "g s", "global", "/settings"),
    DeskCommand("new-ticket", _("Open a ticket for a requester"), "g n", "global", "/tickets/new"),
    DeskCommand("search", _("Search"), "/", "page"),
    DeskCommand("next", _("Next in the list"), "j", "page"),
    DeskCommand("previous", _("Previous in the list"), "k", "page"),
    DeskCommand("select", _("Select the ticket in the list"), "s", "page"),
    DeskCommand("bulk", _("Choose a bulk action"), "b", "page"),
    DeskCommand("reply", _("Write a reply"), "r", "page"),
    DeskCommand("note", _("Write a note"), "n", "page"),
    DeskCommand("claim", _("Claim the ticket"), "c", "page"),
    DeskCommand("assign", _("Assign…"), "a", "page"),
    DeskCommand("release", _("Give back to the team"), "", "page"),
    DeskCommand("transfer", _("Transfer…"), "t", "page"),
    DeskCommand("triage", _("Triage…"), "", "page"),
    DeskCommand("prioritise", _("Change the priority…"), "p", "page"),
    DeskCommand("set-due", _("Set the due date…"), "d", "page"),
    DeskCommand("change-policy", _("Change the SLA policy…"), "", "page"),
    DeskCommand("pend", _("Wait for the requester"), "w", "page"),
    DeskCommand("hold", _("Put on hold…"), "h", "page"),
    DeskCommand("resume", _("Resume"), "u", "page"),
    DeskCommand("resolve", _("Resolve"), "e", "page"),
    DeskCommand("reopen", _("Reopen"), "o", "page"),
    DeskCommand("close", _("Close…"), "x", "page"),
    DeskCommand("merge", _("Merge into another ticket…"), "m", "page"),
    DeskCommand("tags", _("Change tags…"), "l", "page"),
    DeskCommand("task", _("Add a task…"), "", "page"),
    DeskCommand("follow", _("Follow or stop following"), "f", "page"),
    DeskCommand("edit-ticket", _("Edit subject, topic and requester…"), "", "page"),
    DeskCommand("older", _("Show older entries"), "", "page"),
    DeskCommand("print", _("Print view"), "", "page"),
    DeskCommand("who-was-told", _("Who was told"), "", "page"),
    DeskCommand("undo", _("Take the reply back"), "z", "page"),
    DeskCommand("send", _("Send"), "mod+enter", "editor"),
    DeskCommand("send-pend", _("Send and wait for the requester"), "mod+shift+p", "editor"),
    DeskCommand("send-resolve", _("Send and resolve"), "mod+shift+e", "editor"),
    DeskCommand("preview", _("Preview"), "mod+shift+v", "editor"),
    DeskCommand("canned", _("Insert a canned response…"), "mod+shift+k", "editor"),
    DeskCommand("leave", _("Leave the editor"), "escape", "editor"),
)
BY_NAME: Mapping[str, DeskCommand] = {command.name: command for command in COMMANDS}


def keys_of(name: str, own: Mapping[str, str]) -> str:
    """The keys of a command, the agent's own before the usual ones."""
    return own.get(name, BY_NAME[name].keys)


def conflicts(own: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Pairs of commands of which one would never be reached, with the keys: same scope, same or same beginning."""
    found: list[tuple[str, str, str]] = []
    for place, one in enumerate(COMMANDS):
        for other in COMMANDS[place + 1 :]:
            keys, theirs = keys_of(one.name, own), keys_of(other.name, own)
            if keys and theirs and _meet(one.scope, other.scope) and _clash(keys, theirs):
                found.append((one.name, other.name, keys))
    return found


def _meet(one: Scope, other: Scope) -> bool:
    """Page and global commands are active together; an editor's come before both, on purpose."""
    outer = {"page", "global"}
    return one == other or {one, other} <= outer


def _clash(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other} ") or other.startswith(f"{one} ")


def aria_keys(keys: str) -> str:
    """Keys as `aria-keyshortcuts` wants them; sequences it cannot say."""
    if not keys or " " in keys:
        return ""
    names = {"mod": "Control", "ctrl": "Control", "alt": "Alt", "shift": "Shift", "enter": "Enter", "escape": "Escape"}
    return "+".join(names.get(part, part.upper() if len(part) == 1 else part.capitalize()) for part in keys.split("+"))


def catalogue_json(own: Mapping[str, str]) -> Markup:
    """The catalogue for the page's script, safe inside a `<script type="application/json">`."""
    return _catalogue(tuple(own.items()), current_language().tag)


@lru_cache(maxsize=256)
def _catalogue(keys: tuple[tuple[str, str], ...], _tag: str) -> Markup:
    own = dict(keys)
    rows = [
        {
            "name": command.name,
            "label": gettext(command.label),
            "keys": keys_of(command.name, own),
            "scope": command.scope,
            **({"href": command.href} if command.href else {}),
        }
        for command in COMMANDS
    ]
    text = json.dumps(rows, separators=(",", ":")).replace("<", "\\u003c")
    return Markup(text)  # noqa: S704 - made of the catalogue and of keys that were checked
