// What pages gain where scripts run; every page works without this file.
"use strict";

const all = (selector, root = document) => [...root.querySelectorAll(selector)];

const stored = {
  get: (name) => { try { return localStorage.getItem(name); } catch { return null; } },
  set: (name, value) => { try { localStorage.setItem(name, value); } catch { /* kept for this page only */ } },
};

// Texts in the language of the page: `_("File %(name)s", { name })` looks the English text up in <body data-texts>.
const language = document.documentElement.lang;
const texts = JSON.parse(document.body.dataset.texts ?? "{}");
const _ = (message, values = {}) =>
  (texts[message] ?? `${texts["*"] ?? ""}${message}`).replace(/%\((\w+)\)s/g, (found, name) => String(values[name] ?? found));

// A row of tabs that is wider than the page shows the one that is open.
for (const tab of all(".tabs [aria-current]")) {
  const row = tab.closest(".tabs");
  row.scrollLeft += tab.getBoundingClientRect().left - row.getBoundingClientRect().left - (row.clientWidth - tab.offsetWidth) / 2;
}

// Dates as the browser writes them, if it speaks the language of the page: English has many ways.
const locale = navigator.language.split("-")[0] === language.split("-")[0] ? navigator.language : language;

// <time>: the reader's own zone, the exact UTC instant as the tooltip.
const timeZone = document.documentElement.dataset.timeZone || undefined;
const exact = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short", timeZone });
const inWords = new Intl.RelativeTimeFormat(locale, { numeric: "auto", style: "short" });
const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60]];

function relative(at) {
  const seconds = (at - Date.now()) / 1000;
  const [unit, size] = UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? ["minute", 60];
  return inWords.format(Math.trunc(seconds / size), unit);
}

function showTimes(root = document) {
  for (const element of all("time[datetime]", root)) {
    const at = new Date(element.dateTime);
    if (Number.isNaN(at.valueOf())) continue;
    const isRelative = "relative" in element.dataset;
    element.textContent = isRelative ? relative(at) : exact.format(at);
    element.title = isRelative ? exact.format(at) : at.toISOString().replace("T", " ").replace(/\..*/, " UTC");
  }
}

// <input data-zone>: whose days the days of the form are.
for (const field of all("input[data-zone]")) field.value = Intl.DateTimeFormat().resolvedOptions().timeZone || field.value;

// <input type="datetime-local" data-utc>: its value comes and goes in UTC (with the attribute's value behind it, such as
// "Z"), and is read and written in the reader's zone.
const wall = new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "medium" });
const onTheWall = (at) => wall.format(at).replace(" ", "T");
const isInstant = (text) => !Number.isNaN(Date.parse(`${text}Z`));

function toZone(utc) {
  return isInstant(utc) ? onTheWall(new Date(`${utc}Z`)).slice(0, utc.length) : utc;
}

function toUtc(text) {
  if (!isInstant(text)) return text;
  const asked = Date.parse(`${text}Z`);
  let at = asked;
  for (let round = 0; round < 2; round += 1) at = asked - (Date.parse(`${onTheWall(new Date(at))}Z`) - Math.floor(at / 1000) * 1000);
  return new Date(at).toISOString().slice(0, text.length);
}

for (const field of all("input[data-utc]")) {
  const given = field.dataset.utcValue ?? field.defaultValue;
  const isUntouched = field.value === field.defaultValue; // else the browser has put back what was written
  field.defaultValue = toZone(given);
  if (isUntouched) field.value = field.defaultValue;
}

document.addEventListener("formdata", ({ target, formData }) => {
  for (const field of all("input[data-utc]", target)) {
    if (field.value && field.name) formData.set(field.name, toUtc(field.value) + field.dataset.utc);
  }
});

// Dialogs: data-opens="id", data-closes, and <form data-confirm="Title">.
function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function confirmed(form) {
  const { confirm, confirmText, confirmLabel, confirmKind } = form.dataset;
  const yes = make("button", { className: `button button-${confirmKind || "primary"}`, value: "yes", textContent: confirmLabel || _("Continue") });
  const no = make("button", { className: "button button-quiet", value: "no", textContent: _("Cancel"), autofocus: true });
  const title = make("h2", { id: "confirm-title", textContent: confirm });
  const body = make("form", { className: "stack", method: "dialog" }, title);
  if (confirmText) body.append(make("p", { textContent: confirmText }));
  body.append(make("div", { className: "cluster-end" }, no, yes));
  const dialog = make("dialog", { className: "dialog" }, body);
  dialog.setAttribute("aria-labelledby", "confirm-title");
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => { dialog.remove(); resolve(dialog.returnValue === "yes"); });
  });
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) document.getElementById(opener.dataset.opens)?.showModal();
  if (event.target.closest("[data-closes]")) event.target.closest("dialog")?.close();
});

// Forms: ask first, then send once.
const agreed = new WeakSet();

document.addEventListener("submit", async (event) => {
  const { target: form, submitter } = event;
  if (form.method !== "post") return;
  if (form.dataset.confirm && !agreed.has(form)) {
    event.preventDefault();
    if (!await confirmed(form)) return;
    agreed.add(form);
    form.requestSubmit(submitter);
    return;
  }
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "true";
  for (const button of all("button:not([type=button])", form)) button.setAttribute("aria-busy", "true");
});

window.addEventListener("pageshow", () => {
  for (const form of all("form[data-sent]")) {
    delete form.dataset.sent;
    agreed.delete(form);
    for (const button of all("[aria-busy]", form)) button.removeAttribute("aria-busy");
  }
});

document.addEventListener("change", (event) => {
  if (event.target.matches("select[data-autosubmit]")) event.target.form.requestSubmit();
});

// Keyboard: an element with data-key="r" is pressed (a field is focused) by R, unless one is typing or has switched it off.
const keys = { isOn: () => stored.get("everdesk-shortcuts") !== "off" };
const isTyping = (element) => element.closest("input, select, textarea, dialog, [contenteditable]") !== null;

document.addEventListener("keydown", (event) => {
  if (document.documentElement.dataset.commands || !keys.isOn() || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  const wanted = all("[data-key]").find((element) => element.dataset.key === event.key && element.checkVisibility());
  if (!wanted) return;
  event.preventDefault();
  if (wanted.matches("input, select, textarea")) wanted.focus();
  else wanted.click();
});

function listShortcuts() {
  if (document.documentElement.dataset.commands) {
    document.dispatchEvent(new Event("everdesk:shortcuts"));
    return;
  }
  const rows = all("[data-key]").map((element) => {
    const name = element.getAttribute("aria-label") || element.labels?.[0]?.textContent || element.textContent;
    return make("li", {}, make("kbd", { textContent: element.dataset.key }), ` ${name.trim()}`);
  });
  const toggle = make("button", { type: "button", className: "button button-secondary" });
  const name = () => { toggle.textContent = keys.isOn() ? _("Turn shortcuts off") : _("Turn shortcuts on"); };
  toggle.addEventListener("click", () => { stored.set("everdesk-shortcuts", keys.isOn() ? "off" : "on"); name(); });
  name();
  const close = make("button", { className: "button button-primary", textContent: _("Close"), autofocus: true });
  const title = make("h2", { textContent: _("Keyboard shortcuts") });
  const dialog = make("dialog", { className: "dialog" }, make("form", { method: "dialog", className: "stack" },
    title, make("ul", { className: "stack" }, ...rows), make("div", { className: "cluster-end" }, toggle, close)));
  dialog.setAttribute("aria-label", title.textContent);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

// Theme: the system's, or the one chosen here.
const THEMES = { auto: _("Theme: automatic"), light: _("Theme: light"), dark: _("Theme: dark") };

function showTheme(button) {
  button.textContent = THEMES[document.documentElement.dataset.theme ?? "auto"];
}

function nextTheme(button) {
  const root = document.documentElement;
  const names = Object.keys(THEMES);
  const next = names[(names.indexOf(root.dataset.theme ?? "auto") + 1) % names.length];
  if (next === "auto") delete root.dataset.theme;
  else root.dataset.theme = next;
  stored.set("everdesk-theme", next);
  showTheme(button);
}

for (const button of all("[data-theme-toggle]")) {
  button.hidden = false;
  showTheme(button);
  button.addEventListener("click", () => nextTheme(button));
}
for (const button of all("[data-shortcuts]")) {
  button.hidden = all("[data-key]").length === 0;
  button.addEventListener("click", listShortcuts);
}
for (const zone of all("[data-zone]")) zone.textContent = exact.resolvedOptions().timeZone;
showTimes();
setInterval(showTimes, 60_000);
document.addEventListener("everdesk:added", () => showTimes());
document.querySelector("[data-focus]")?.focus();
