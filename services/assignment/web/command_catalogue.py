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
    DeskCommand("palette", "Open the command palette", "mod+k", "global"),
    DeskCommand("help", "Show keyboard shortcuts", "?", "global"),
    DeskCommand("queue", "Go to the queue", "g q", "global", "/queue"),
    DeskCommand("mine", "Go to my tickets", "g m", "global", "/queue?view=mine"),
    DeskCommand("unassigned", "Go to unassigned tickets", "g u", "global", "/queue?view=unassigned"),
    DeskCommand("overdue", "Go to overdue tickets", "g o", "global", "/queue?view=overdue"),
    DeskCommand("following", "Go to tickets you follow", "g f", "global", "/queue?view=all&q=is%3Afollowing"),
    DeskCommand("requesters", "Go to requesters", "g p", "global", "/requesters"),
    DeskCommand("reports", "Go to reports", "g r", "global", "/reports"),
    DeskCommand("inbox", "Go to your inbox", "g i", "global", "/inbox"),
    DeskCommand("settings", "Go to your settings", "g s", "global", "/settings"),
    DeskCommand("new-ticket", "Open a ticket for a requester", "g n", "global", "/tickets/new"),
    DeskCommand("search", "Search", "/", "page"),
    DeskCommand("next", "Next in the list", "j", "page"),
    DeskCommand("previous", "Previous in the list", "k", "page"),
    DeskCommand("reply", "Write a reply", "r", "page"),
    DeskCommand("note", "Write a note", "n", "page"),
    DeskCommand("claim", "Claim the ticket", "c", "page"),
    DeskCommand("assign", "Assign…", "a", "page"),
    DeskCommand("release", "Give back to the team", "", "page"),
    DeskCommand("transfer", "Transfer…", "t", "page"),
    DeskCommand("triage", "Triage…", "", "page"),
    DeskCommand("prioritise", "Change the priority…", "p", "page"),
    DeskCommand("set-due", "Set the due instant…", "d", "page"),
    DeskCommand("change-policy", "Change the SLA policy…", "", "page"),
    DeskCommand("pend", "Wait for the requester", "w", "page"),
    DeskCommand("hold", "Put on hold…", "h", "page"),
    DeskCommand("resume", "Resume", "u", "page"),
    DeskCommand("resolve", "Resolve", "e", "page"),
    DeskCommand("reopen", "Reopen", "o", "page"),
    DeskCommand("close", "Close…", "x", "page"),
    DeskCommand("merge", "Merge into another ticket…", "m", "page"),
    DeskCommand("tags", "Change tags…", "l", "page"),
    DeskCommand("task", "Add a task…", "", "page"),
    DeskCommand("follow", "Follow or stop following", "f", "page"),
    DeskCommand("edit-ticket", "Edit subject, topic and requester…", "", "page"),
    DeskCommand("older", "Show older entries", "", "page"),
    DeskCommand("print", "Print view", "", "page"),
    DeskCommand("who-was-told", "Who was told", "", "page"),
    DeskCommand("undo", "Take the reply back", "z", "page"),
    DeskCommand("send", "Send", "mod+enter", "editor"),
    DeskCommand("send-pend", "Send and wait for the requester", "mod+shift+p", "editor"),
    DeskCommand("send-resolve", "Send and resolve", "mod+shift+e", "editor"),
    DeskCommand("preview", "Preview", "mod+shift+v", "editor"),
    DeskCommand("canned", "Insert a canned response…", "mod+shift+k", "editor"),
    DeskCommand("leave", "Leave the editor", "escape", "editor"),
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
    return _catalogue(tuple(own.items()))


@lru_cache(maxsize=256)
def _catalogue(keys: tuple[tuple[str, str], ...]) -> Markup:
    own = dict(keys)
    rows = [
        {
            "name": command.name,
            "label": command.label,
            "keys": keys_of(command.name, own),
            "scope": command.scope,
            **({"href": command.href} if command.href else {}),
        }
        for command in COMMANDS
    ]
    text = json.dumps(rows, separators=(",", ":")).replace("<", "\\u003c")
    return Markup(text)  # noqa: S704 - made of the catalogue and of keys that were checked
