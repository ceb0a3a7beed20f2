// The ticket's page where scripts run: editors that keep themselves, presence, clocks that tick, older entries on demand.

import { all, one } from "./dom.js";
import { showHints } from "./commands.js";
import { editors } from "./editor.js";
import { presence } from "./presence.js";

editors();
presence();

// Clocks tick: seconds in the last hour, so that what is due soon is seen to be.
function tick() {
  for (const clock of all("[data-clock]")) {
    const time = one("time[datetime]", clock);
    if (!time) continue;
    const left = Math.round((new Date(time.dateTime) - Date.now()) / 1000);
    if (Math.abs(left) >= 3600) continue;
    const [minutes, seconds] = [Math.floor(Math.abs(left) / 60), Math.abs(left) % 60];
    const text = `${minutes}:${String(seconds).padStart(2, "0")}`;
    time.textContent = left >= 0 ? _("in %(time)s", { time: text }) : _("%(time)s ago", { time: text });
    if (left < 0 && !clock.classList.contains("tone-danger")) clock.classList.replace([...clock.classList].find((name) => name.startsWith("tone-")), "tone-danger");
  }
}
tick();
setInterval(tick, 1000);

// Esc and a press elsewhere close what a button opened.
const OPEN = ".asking[open], .refused[open]";
document.addEventListener("keydown", (event) => {
  const open = one(OPEN);
  if (event.key !== "Escape" || !open || one("dialog[open]")) return;
  event.preventDefault();
  open.open = false;
  one("summary", open).focus();
}, true);
document.addEventListener("pointerdown", (event) => {
  for (const open of all(OPEN)) if (!open.contains(event.target)) open.open = false;
});

// Older entries come below those that are there; the link works without us.
document.addEventListener("click", async (event) => {
  const link = event.target.closest?.("[data-older]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  link.setAttribute("aria-busy", "true");
  try {
    const url = new URL(link.href);
    url.pathname += "/timeline";
    const answer = await fetch(url);
    if (!answer.ok) throw new Error(String(answer.status));
    const part = document.createRange().createContextualFragment(await answer.text());
    const first = one(".message, .events, .event-line", part);
    const holder = link.closest(".more") ?? link;
    holder.replaceWith(part);
    document.dispatchEvent(new CustomEvent("everdesk:added"));
    showHints();
    if (first) { first.tabIndex = -1; first.focus({ preventScroll: true }); }
  } catch {
    location.assign(link.href);
  }
});

// Replies on their way count down; when the time is over the page shows what became of them.
const held = all("[data-held]");
if (held.length) {
  const until = Math.max(...held.map((element) => new Date(element.dataset.sendAt).valueOf()));
  for (const element of held) {
    const time = one("time", element);
    const count = () => {
      const left = Math.ceil((new Date(element.dataset.sendAt) - Date.now()) / 1000);
      time.textContent = left > 0 ? _("in %(time)s", { time: `${left} s` }) : _("now");
    };
    count();
    setInterval(count, 500);
  }
  setTimeout(() => {
    const isWriting = all("[data-editor-body]").some((field) => field.value !== field.defaultValue);
    if (!isWriting) location.replace(location.href.split("#")[0]);
    else for (const element of held) element.querySelector(".undo")?.remove();
  }, Math.max(0, until - Date.now()) + 1500);
}
