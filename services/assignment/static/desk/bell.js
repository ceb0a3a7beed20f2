// Shows the number of unread notifications on the bell, and asks again when a ticket changes.

const bell = document.querySelector(".bell[data-unread]");
const count = bell?.querySelector(".bell-count");
const SETTLE_MILLISECONDS = 1500; // a change is told of a moment after it happened
const AGAIN_MILLISECONDS = 60000;
const FIRST_MILLISECONDS = 800; // the page itself comes first
let source;
let waiting;

async function refresh() {
  waiting = undefined;
  const answer = await fetch(bell.dataset.unread, { headers: { Accept: "application/json" } }).catch(() => undefined);
  if (!answer?.ok || answer.redirected) return;
  const { unread, shown } = await answer.json();
  count.hidden = unread === 0;
  count.textContent = shown;
  bell.querySelector(".sr-only").textContent = unread ? _("Inbox, unread:") : _("Inbox");
}

function soon() {
  waiting ??= setTimeout(refresh, SETTLE_MILLISECONDS);
}

// Only the page that is looked at listens: browsers open few connections to one server.
function start() {
  if (source || document.visibilityState !== "visible") return;
  refresh();
  source = new EventSource(bell.dataset.stream);
  for (const kind of ["ticket", "gone", "reset"]) source.addEventListener(kind, soon);
}

function stop() {
  source?.close();
  source = undefined;
}

if (bell && "EventSource" in window) {
  document.addEventListener("visibilitychange", () => (document.visibilityState === "visible" ? start() : stop()));
  window.addEventListener("pagehide", stop);
  window.addEventListener("pageshow", (event) => event.persisted && start());
  setInterval(() => source && refresh(), AGAIN_MILLISECONDS);
  setTimeout(start, FIRST_MILLISECONDS);
}
