// What the queue gains where scripts run: rows that keep up, selecting, completing a search, reading beside the list.
import { all, at, later, make, one } from "./dom.js";

const queue = one("[data-queue]");
const body = () => one("table.queue tbody");
const rowOf = (id) => document.getElementById(`t-${id}`);

// Selecting: all on the page, and how many there are.
const checks = () => all('.queue input[name="ticket"]');
const bar = one("[data-bulk-bar]");
const everything = one('[name="everything"]');
const pageBoxes = [one("[data-check-page]"), one("[data-check-all] input")].filter(Boolean);
const said = one("[data-selected]");
let isAsked = false;
let place = -1;

function showSelected() {
  const chosen = checks().filter((check) => check.checked);
  for (const check of checks()) check.closest("tr").setAttribute("aria-selected", String(check.checked));
  if (said) said.textContent = chosen.length ? _("%(count)s selected", { count: chosen.length }) : "";
  for (const box of pageBoxes) {
    box.checked = chosen.length > 0 && chosen.length === checks().length;
    box.indeterminate = chosen.length > 0 && !box.checked;
  }
  if (bar) bar.hidden = !(chosen.length || everything.checked || isAsked);
}

for (const box of pageBoxes) {
  box.hidden = false;
  (box.closest("label") ?? box).hidden = false;
  box.addEventListener("change", () => {
    for (const check of checks()) check.checked = box.checked;
    showSelected();
  });
}
const none = one("[data-select-none]");
if (none) {
  none.hidden = false;
  none.addEventListener("click", () => {
    for (const check of [...checks(), everything]) check.checked = false;
    isAsked = false;
    showSelected();
    (all(".queue .ticket-link")[Math.max(place, 0)] ?? document.body).focus();
  });
  // The bar is there once something is selected; its key brings it before, for "All matching tickets".
  const ask = make("button", { type: "button", className: "sr-only", tabIndex: -1, textContent: _("Bulk actions"), dataset: { command: "bulk" } });
  ask.addEventListener("click", () => { isAsked = true; showSelected(); one("#f-action").focus(); });
  queue.append(ask);
}
let lastCheck = null;
document.addEventListener("click", (event) => {
  if (!event.target.matches?.('.queue input[name="ticket"]')) return;
  const boxes = checks();
  if (event.shiftKey && lastCheck) {
    const [from, to] = [boxes.indexOf(lastCheck), boxes.indexOf(event.target)].sort((a, b) => a - b);
    for (const box of boxes.slice(Math.max(from, 0), to + 1)) box.checked = event.target.checked;
  }
  lastCheck = event.target;
  showSelected();
});
window.addEventListener("pageshow", showSelected);

// Search: the last word's likely ends.
const search = one("#f-q");
const ends = one("#search-tokens");
const suggest = later(150, async () => {
  const answer = await fetch(at(`/queue/suggestions?q=${encodeURIComponent(search.value)}`)).catch(() => null);
  if (!answer?.ok) return;
  const { items } = await answer.json();
  ends.replaceChildren(...items.map((value) => make("option", { value })));
});
search?.addEventListener("input", suggest);

// Next and previous in the list.
function move(by) {
  const links = all(".queue .ticket-link");
  if (!links.length) return;
  const current = links.indexOf(document.activeElement);
  place = Math.min(Math.max((current < 0 ? place : current) + by, 0), links.length - 1);
  links[place].focus();
  if (pane && !pane.hidden) read(links[place]);
}
for (const [name, by] of [["next", 1], ["previous", -1]]) {
  const button = make("button", { type: "button", className: "sr-only", tabIndex: -1, textContent: by > 0 ? _("Next ticket") : _("Previous ticket"), dataset: { command: name } });
  button.addEventListener("click", () => move(by));
  queue?.append(button);
}

// Selecting by key: the ticket that has the focus, or was last moved to.
const select = make("button", { type: "button", className: "sr-only", tabIndex: -1, textContent: _("Select this ticket"), dataset: { command: "select" } });
select.addEventListener("click", () => {
  const row = document.activeElement?.closest("tr[data-ticket]") ?? all(".queue .ticket-link")[Math.max(place, 0)]?.closest("tr");
  one('input[name="ticket"]', row ?? document)?.click();
});
if (checks().length) queue.append(select);

// Reading beside the list, on wide screens.
const pane = document.querySelector(".has-pane [data-pane]");
const isWide = matchMedia("(min-width: 75rem)");
let reading = "";
if (pane) pane.hidden = false;

async function read(link) {
  reading = link.href;
  for (const row of all(".queue tr.is-read")) row.classList.remove("is-read");
  link.closest("tr").classList.add("is-read");
  pane.setAttribute("aria-busy", "true");
  const answer = await fetch(link.href).catch(() => null);
  if (reading !== link.href) return;
  pane.removeAttribute("aria-busy");
  if (!answer?.ok) {
    pane.replaceChildren(make("p", { textContent: _("It could not be read just now.") }), make("a", { href: link.href, textContent: _("Open the ticket") }));
    return;
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of all("script, form, button, dialog", page)) Element.prototype.remove.call(part); // a field named "remove" hides it
  const title = make("h2", { textContent: one("h1", page)?.textContent.trim() ?? "" });
  const parts = [...all(".badges", page).slice(0, 1), ...all("article.message", page).slice(0, 12)].map((part) => document.adoptNode(part));
  for (const part of parts) for (const inner of [part, ...all("[id]", part)]) inner.removeAttribute("id");
  pane.replaceChildren(title, make("p", {}, make("a", { href: link.href, className: "button button-primary", textContent: _("Open the ticket") })), ...parts);
  pane.scrollTop = 0;
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.(".queue .ticket-link");
  if (!link || !pane || !isWide.matches || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  if (link.href === reading) return;
  event.preventDefault();
  link.focus();
  read(link);
});

// Keeping up: rows change in place, new tickets are announced and come when the reader asks for them.
const LEAST_MS = 4000;
const announced = new Set();
const notice = one("[data-new]");
let lastLook = 0;

function announce() {
  if (!notice || !announced.size) return;
  one("a", notice).textContent = announced.size === 1 ? _("1 new ticket") : _("%(count)s new tickets", { count: announced.size });
  notice.hidden = false;
}

async function look() {
  lastLook = Date.now();
  const answer = await fetch(location.href, { headers: { "x-live": "1" } }).catch(() => null);
  if (!answer?.ok || answer.redirected) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const counts = all(".tabs .count", page);
  const shown = all(".tabs .count");
  if (counts.length === shown.length) counts.forEach((count, at) => { shown[at].textContent = count.textContent; });
  const fresh = new Map(all("tr[data-ticket]", page).map((row) => [row.dataset.ticket, row]));
  for (const row of all("tr[data-ticket]")) {
    const now = fresh.get(row.dataset.ticket);
    row.classList.toggle("is-gone", !now);
    if (!now || row.dataset.html === now.innerHTML) continue;
    const isSame = row.cells.length === now.cells.length;
    if (!isSame) continue;
    [...now.cells].forEach((cell, at) => {
      const own = row.cells[at];
      if (own.classList.contains("pick") || own.contains(document.activeElement)) return;
      own.replaceChildren(...[...cell.childNodes].map((node) => document.adoptNode(node)));
    });
    row.classList.toggle("is-overdue", now.classList.contains("is-overdue"));
  }
  for (const id of fresh.keys()) if (!rowOf(id)) announced.add(id);
  announce();
  document.dispatchEvent(new CustomEvent("everdesk:added"));
}

const lookSoon = later(600, () => {
  const wait = LEAST_MS - (Date.now() - lastLook);
  if (document.hidden) return;
  if (wait > 0) setTimeout(lookSoon, wait + Math.random() * 1000);
  else look();
});

function follow() {
  const source = new EventSource(queue.dataset.stream);
  const changed = (event) => {
    const change = JSON.parse(event.data);
    rowOf(change.ticket_id)?.classList.add("is-changed");
    lookSoon();
  };
  source.addEventListener("ticket", changed);
  source.addEventListener("gone", changed);
  source.addEventListener("reset", lookSoon);
  window.addEventListener("pagehide", () => source.close(), { once: true });
}
if (queue && body() && "EventSource" in window) follow();
document.addEventListener("visibilitychange", () => { if (!document.hidden && Date.now() - lastLook > LEAST_MS) lookSoon(); });
