// The keyboard and the command palette. The catalogue comes from the server; an element that carries a command's name as
// data-command is what the command presses, so the page offers just what the ticket and the agent's role allow.

import { all, at, isTyping, make, one } from "./dom.js";

const ORDER = ["dialog", "editor", "page", "global"];
const SEQUENCE_MS = 1200;
const IS_MAC = /Mac|iP(hone|ad|od)/.test(navigator.platform);
const WORDS = { mod: IS_MAC ? "⌘" : _("Ctrl"), ctrl: _("Ctrl"), alt: IS_MAC ? "⌥" : "Alt", shift: _("Shift"), enter: _("Enter"), escape: _("Esc") };

const catalogue = JSON.parse(one("#commands")?.textContent ?? "[]");
const isOff = () => { try { return localStorage.getItem("everdesk-shortcuts") === "off"; } catch { return false; } };
document.documentElement.dataset.commands = "on";

/** The element a command presses: in an editor that editor's own, else the first one that can be seen. */
function targetOf(command) {
  const editor = command.scope === "editor" ? document.activeElement?.closest("form") : null;
  const found = all(`[data-command="${command.name}"]`, editor ?? document).find((element) => element.checkVisibility() && !element.disabled);
  return found ?? (command.name === "send" && editor ? one("button:not([type=button])", editor) : null);
}

const BUILT_IN = {
  palette: () => openPalette(),
  help: () => showHelp(),
  leave: () => document.activeElement?.blur(),
};

const isThere = (command) => Boolean(command.href) || command.name in BUILT_IN || targetOf(command) !== null;

function run(command) {
  if (command.name in BUILT_IN) return BUILT_IN[command.name]();
  const target = targetOf(command);
  if (!target) {
    if (command.href) location.assign(at(command.href));
    return undefined;
  }
  if (target.matches("input, select, textarea")) {
    target.scrollIntoView({ block: "nearest" });
    return target.focus();
  }
  if (target.matches("summary")) return unfold(target);
  return target.click();
}

/** Opens what the summary folds, and goes to its first field. */
function unfold(summary) {
  const details = summary.parentElement;
  if (!details.open) summary.click();
  const field = one("select, textarea, input:not([type=hidden])", details);
  (field ?? summary).focus();
  field?.scrollIntoView({ block: "nearest" });
}

function keyOf(event) {
  const key = event.key === " " ? "space" : event.key.toLowerCase();
  const isSign = key.length === 1 && !/[a-z0-9]/.test(key);
  const parts = [];
  if (IS_MAC ? event.metaKey : event.ctrlKey) parts.push("mod");
  if (IS_MAC && event.ctrlKey) parts.push("ctrl");
  if (event.altKey) parts.push("alt");
  if (event.shiftKey && !isSign) parts.push("shift");
  return [...parts, key].join("+");
}

function scopesAt(element) {
  if (element.closest("dialog[open]")) return ["dialog"];
  if (element.closest("main form") && isTyping(element)) return ["editor", "page", "global"];
  return ["page", "global"];
}

let begun = "";
let begunAt = 0;

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.defaultPrevented || isOff() || ["Control", "Shift", "Alt", "Meta"].includes(event.key)) return;
  const key = keyOf(event);
  const hasModifier = event.ctrlKey || event.metaKey || event.altKey;
  if (isTyping(event.target) && !hasModifier && key !== "escape") return;
  if (isTyping(event.target) && key === "escape" && !event.target.closest("main form")) return;
  const scopes = scopesAt(event.target);
  const pressed = begun && Date.now() - begunAt < SEQUENCE_MS ? `${begun} ${key}` : key;
  begun = "";
  const active = ORDER.filter((scope) => scopes.includes(scope)).flatMap((scope) => catalogue.filter((command) => command.scope === scope));
  const found = active.find((command) => command.keys === pressed && isThere(command));
  if (found) {
    event.preventDefault();
    run(found);
  } else if (active.some((command) => command.keys.startsWith(`${pressed} `) && isThere(command))) {
    event.preventDefault();
    begun = pressed;
    begunAt = Date.now();
  } else if (scopes.includes("page") && !hasModifier) {
    const own = all("[data-key]").find((element) => element.dataset.key === key && element.checkVisibility());
    if (!own) return;
    event.preventDefault();
    if (own.matches("input, select, textarea")) own.focus();
    else own.click();
  }
});

// Hints: on buttons for the eye, as aria-keyshortcuts for assistive technology.
const spoken = (keys) => (keys.includes(" ") || !keys ? "" : keys.split("+").map((part) => ({ mod: IS_MAC ? "Meta" : "Control", alt: "Alt", shift: "Shift", enter: "Enter", escape: "Escape" }[part] ?? part.toUpperCase())).join("+"));

export function keycaps(keys) {
  const holder = make("span", { className: "keys", attributes: { "aria-hidden": "true" } });
  keys.split(" ").forEach((stroke, place) => {
    if (place) holder.append(make("span", { className: "then", textContent: _("then") }));
    for (const part of stroke.split("+")) holder.append(make("kbd", { textContent: WORDS[part] ?? part.toUpperCase() }));
  });
  return holder;
}

export function showHints(root = document) {
  for (const command of catalogue) {
    for (const element of all(`[data-command="${command.name}"]`, root)) {
      if (!command.keys) continue;
      const name = spoken(command.keys);
      if (name) element.setAttribute("aria-keyshortcuts", name);
      if (element.matches("button, a, summary") && !element.title) element.title = `${command.label} (${command.keys.split("+").map((part) => WORDS[part] ?? part).join("+")})`;
    }
  }
}

// The palette: a list box that is filtered as one types; Enter runs, a number goes to the ticket of that number.
function labelOf(command) {
  const target = targetOf(command);
  return command.name === "follow" && target ? target.textContent.trim() : command.label;
}

function entriesFor(text) {
  const wanted = text.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const number = /^[[(]?#?([A-Za-z0-9-]*\d[A-Za-z0-9-]*)[\])]?[.,:;!?]?$/.exec(text.trim());
  const known = ["page", "dialog", "global"].flatMap((scope) => catalogue.filter((command) => command.scope === scope)).filter((command) => command.name !== "palette" && isThere(command))
    .map((command) => ({ label: labelOf(command), keys: command.keys, run: () => run(command) }))
    .filter(({ label }) => wanted.every((word) => label.toLowerCase().includes(word)));
  if (number) known.unshift({ label: _("Go to ticket %(number)s", { number: number[1] }), keys: "", run: () => location.assign(at(`/tickets/${encodeURIComponent(number[1])}`)) });
  if (text.trim()) known.push({ label: _("Search tickets for “%(words)s”", { words: text.trim() }), keys: "", run: () => location.assign(at(`/queue?view=all&q=${encodeURIComponent(text.trim())}`)) });
  return known;
}

function openPalette() {
  if (one("dialog.palette")) return;
  const field = make("input", { type: "text", autocomplete: "off", placeholder: _("What do you want to do?"), attributes: {
    role: "combobox", "aria-expanded": "true", "aria-controls": "palette-list", "aria-label": _("Command or ticket number"), "aria-autocomplete": "list" } });
  const list = make("ul", { id: "palette-list", className: "palette-list", attributes: { role: "listbox", "aria-label": _("Commands") } });
  const empty = make("p", { className: "muted small palette-empty", textContent: _("Nothing fits."), hidden: true });
  const dialog = make("dialog", { className: "dialog palette", attributes: { "aria-label": _("Command palette") } }, field, list, empty);
  const back = document.activeElement;
  let entries = [];
  let chosen = 0;

  function choose(place) {
    chosen = Math.max(0, Math.min(place, entries.length - 1));
    [...list.children].forEach((item, index) => item.setAttribute("aria-selected", String(index === chosen)));
    const item = list.children[chosen];
    if (item) { field.setAttribute("aria-activedescendant", item.id); item.scrollIntoView({ block: "nearest" }); } else field.removeAttribute("aria-activedescendant");
  }
  function fill() {
    entries = entriesFor(field.value);
    list.replaceChildren(...entries.map((entry, index) => {
      const item = make("li", { id: `palette-${index}`, attributes: { role: "option" } }, make("span", { textContent: entry.label }));
      if (entry.keys) item.append(keycaps(entry.keys));
      item.addEventListener("click", () => take(index));
      return item;
    }));
    empty.hidden = entries.length > 0;
    choose(0);
  }
  function take(index) {
    const entry = entries[index];
    if (!entry) return;
    dialog.close();
    entry.run();
  }
  field.addEventListener("input", fill);
  dialog.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) { event.preventDefault(); choose(chosen + step); }
    if (event.key === "Enter") { event.preventDefault(); take(chosen); }
  });
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("close", () => { dialog.remove(); if (back instanceof HTMLElement && back.isConnected) back.focus({ preventScroll: true }); });
  document.body.append(dialog);
  // What can be done is found before the dialog hides the page from `checkVisibility`.
  fill();
  dialog.showModal();
  field.focus();
}

function showHelp() {
  if (one("dialog.help")) return;
  const names = { dialog: _("In a dialog"), editor: _("While writing"), page: _("On this page"), global: _("Everywhere") };
  const groups = ORDER.map((scope) => [scope, catalogue.filter((command) => command.scope === scope && command.keys && (scope !== "page" || isThere(command)))])
    .filter(([, commands]) => commands.length)
    .map(([scope, commands]) => make("section", { className: "stack-tight" }, make("h3", { textContent: names[scope] }),
      make("dl", { className: "key-list" }, ...commands.map((command) => make("div", {}, make("dt", { textContent: command.label }), make("dd", {}, keycaps(command.keys), make("span", { className: "sr-only", textContent: command.keys })))))));
  const toggle = make("button", { type: "button", className: "button button-secondary" });
  const name = () => { toggle.textContent = isOff() ? _("Turn shortcuts on") : _("Turn shortcuts off"); };
  toggle.addEventListener("click", () => { try { localStorage.setItem("everdesk-shortcuts", isOff() ? "on" : "off"); } catch { /* for this page only */ } name(); });
  name();
  const dialog = make("dialog", { className: "dialog help", attributes: { "aria-label": _("Keyboard shortcuts") } },
    make("form", { method: "dialog", className: "stack" }, make("h2", { textContent: _("Keyboard shortcuts") }), make("div", { className: "help-groups" }, ...groups),
      make("div", { className: "cluster-end" }, make("a", { href: at("/settings#shortcuts"), textContent: _("Change keys") }), toggle,
        make("button", { className: "button button-primary", textContent: _("Close"), autofocus: true }))));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  dialog.scrollTop = 0;
}

document.addEventListener("everdesk:shortcuts", showHelp);
for (const button of all("[data-palette]")) {
  button.hidden = false;
  button.addEventListener("click", openPalette);
}
for (const button of all("[data-shortcuts]")) button.hidden = false;
showHints();
