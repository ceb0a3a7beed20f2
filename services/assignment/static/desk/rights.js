// Says at once when the agent's rights changed or the session ended, and keeps forms from being sent for nothing.

import { at } from "./dom.js";

const meta = document.querySelector('meta[name="rights"]');
const WORDS = {
  rights: _("Your rights were changed. Forms on this page are switched off; what you typed is still there to be copied."),
  "signed-out": _("Your session has ended. Forms on this page are switched off; what you typed is still there to be copied."),
};
let source;

function switchOff() {
  for (const form of document.querySelectorAll('main form[method="post"], dialog form[method="post"]')) {
    for (const field of form.elements) {
      if (field.matches("textarea, input:not([type])") || field.type === "text") field.readOnly = true;
      else if (field.type !== "hidden") field.disabled = true;
    }
    form.addEventListener("submit", (event) => event.preventDefault());
  }
}

function say(kind) {
  stop();
  meta.remove();
  const notice = Object.assign(document.createElement("p"), { className: "notice notice-warning", textContent: `${WORDS[kind]} ` });
  notice.setAttribute("role", "alert");
  notice.append(Object.assign(document.createElement("a"), { href: location.href, textContent: _("Load the page again") }));
  document.getElementById("main").prepend(notice);
  switchOff();
}

function start() {
  if (source || !meta?.isConnected || document.visibilityState !== "visible") return;
  source = new EventSource(at(`/live/rights?seen=${encodeURIComponent(meta.content)}`));
  for (const kind of Object.keys(WORDS)) source.addEventListener(kind, () => say(kind));
}

// Only the page that is looked at listens: browsers open few connections to one server.
function stop() {
  source?.close();
  source = undefined;
}

if (meta?.content) {
  document.addEventListener("visibilitychange", () => (document.visibilityState === "visible" ? start() : stop()));
  window.addEventListener("pagehide", stop);
  window.addEventListener("pageshow", start);
  start();
}
