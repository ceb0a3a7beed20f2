// Presence: tells that this page is looked at or written on, shows who else is there, and warns when the ticket moved on.

import { all, later, make, one, post } from "./dom.js";

const EVERY_MS = 12_000;
const TYPING_MS = 6_000;

export function presence() {
  const place = one("[data-presence]");
  if (!place) return;
  const url = place.dataset.presence;
  const revision = Number(place.dataset.revision);
  const seenAt = new Date(place.dataset.seenAt).valueOf();
  let typedAt = 0;
  let wasTyping = false;
  let timer = 0;

  const isTyping = () => Date.now() - typedAt < TYPING_MS;

  async function tell(extra = {}, options = {}) {
    clearTimeout(timer);
    wasTyping = isTyping();
    try {
      const answer = await post(url, { typing: wasTyping ? "1" : "0", ...extra }, options);
      if (!extra.gone) show(answer);
    } catch { /* the next one may get through */ }
    if (!extra.gone && document.visibilityState === "visible") timer = setTimeout(tell, wasTyping || place.textContent ? TYPING_MS : EVERY_MS);
  }

  function show({ items, revision: now, last_entry_at: last }) {
    const words = items.map(({ agent, is_typing }) => (is_typing ? _("%(name)s is writing…", { name: agent.name }) : _("%(name)s is here", { name: agent.name })));
    const text = words.join(" · ");
    if (place.textContent !== text) place.replaceChildren(...(text ? [make("span", { className: "presence-dot", attributes: { "aria-hidden": "true" } }), text] : []));
    const isNewer = now > revision || (last && new Date(last).valueOf() > seenAt);
    const notice = one("[data-moved-on]");
    if (isNewer && notice.hidden) {
      const isWriting = all("[data-editor-body]").some((field) => field.value.trim());
      one("[data-moved-on-words]", notice).textContent = isWriting
        ? _("The ticket moved on while you write. What you have written stays; look at what is new before you send it.")
        : _("There is something new on this ticket.");
      notice.hidden = false;
    }
  }

  document.addEventListener("input", (event) => {
    if (!event.target.matches("[data-editor-body]")) return;
    typedAt = Date.now();
    if (!wasTyping) { wasTyping = true; tell(); }
  });
  document.addEventListener("visibilitychange", () => { if (document.visibilityState === "visible") tell(); else clearTimeout(timer); });
  document.addEventListener("everdesk:ticket-changed", () => tell());
  if ("EventSource" in window) {
    const soon = later(300, () => { if (document.visibilityState === "visible") tell(); });
    const source = new EventSource(place.dataset.stream);
    for (const kind of ["ticket", "gone", "reset"]) source.addEventListener(kind, soon);
    addEventListener("pagehide", () => source.close(), { once: true });
  }
  addEventListener("pagehide", () => tell({ gone: "1" }, { keepalive: true }));
  tell();
}
