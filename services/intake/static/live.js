// Keeps an open thread up to date. Without this file there is a link to refresh the page.
"use strict";

{
  const KINDS = ["opened", "assigned", "pended", "held", "resumed", "resolved", "reopened", "closed", "archived", "message", "followed_up"];
  const RETRY_SECONDS = [2, 4, 8, 15, 30, 60];
  const OFFLINE_AFTER = 4000; // a stream that ends in good order is back sooner
  const HIDDEN_FOR = 60000;
  const SETTLES_IN = 150;

  const root = document.querySelector("[data-live]");
  const list = root?.querySelector("[data-live-list]");
  const status = root?.querySelector("[data-live-status]");
  const voice = root?.querySelector("[data-live-say]");
  const refresh = root?.querySelector("[data-live-refresh]");
  const part = () => root.querySelector("[data-live-part]");

  let source = null;
  let last = Number(list?.dataset.liveLast ?? 0);
  let failures = 0;
  let isUseless = false;
  const timers = {};

  function later(name, milliseconds, action) {
    clearTimeout(timers[name]);
    timers[name] = setTimeout(action, milliseconds);
  }

  const forget = (name) => clearTimeout(timers[name]);
  const isOver = () => isUseless || "liveOver" in part().dataset;

  function show(state) {
    const words = { live: _("This page updates by itself."), offline: _("Offline, trying again…"), useless: _("This link does not work any more."), over: "" };
    root.dataset.liveState = state;
    refresh.hidden = state === "live" || state === "over";
    if (status.textContent === words[state]) return;
    status.textContent = words[state];
    if (state === "offline" || state === "useless") voice.textContent = words[state];
  }

  function connect() {
    forget("retry");
    if (source || isOver() || document.hidden) return;
    source = new EventSource(`${root.dataset.live}/events?after=${last}`);
    source.addEventListener("open", () => {
      failures = 0;
      forget("offline");
      show("live");
    });
    source.addEventListener("error", () => {
      later("offline", OFFLINE_AFTER, () => show("offline"));
      if (source?.readyState === EventSource.CLOSED) retry();
    });
    for (const kind of KINDS) source.addEventListener(kind, heard);
  }

  function disconnect() {
    source?.close();
    source = null;
  }

  function retry() {
    disconnect();
    if (isOver()) return;
    const seconds = RETRY_SECONDS[Math.min(failures, RETRY_SECONDS.length - 1)];
    failures += 1;
    later("retry", seconds * 1000 * (0.75 + Math.random() / 2), connect);
  }

  function heard(event) {
    last = Math.max(last, Number(event.lastEventId));
    later("update", SETTLES_IN, update);
  }

  async function update() {
    try {
      const response = await fetch(`${root.dataset.live}/now`, { cache: "no-store", headers: { Accept: "text/html" } });
      if (response.status === 404) return giveUp();
      if (!response.ok) throw new Error(String(response.status));
      take(new DOMParser().parseFromString(await response.text(), "text/html"));
    } catch {
      show("offline");
      later("update", 5000, update);
    }
  }

  function giveUp() {
    isUseless = true;
    disconnect();
    forget("offline");
    show("useless");
  }

  function take(fresh) {
    const freshList = fresh.querySelector("[data-live-list]");
    const freshPart = fresh.querySelector("[data-live-part]");
    const said = [...takeEntries(freshList), ...takePart(freshPart)];
    last = Math.max(last, Number(freshList.dataset.liveLast));
    if (said.length) voice.textContent = said.join(". ");
    if (!isOver()) return;
    disconnect();
    forget("offline");
    show("over");
  }

  // New entries go to their place; old ones stay as they are, with their focus, selection and open details.
  function takeEntries(freshList) {
    const said = [];
    let previous = null;
    for (const entry of [...freshList.children]) {
      const known = document.getElementById(entry.id);
      let shown = known;
      if (!known) {
        shown = document.importNode(entry, true);
        shown.classList.add("is-new");
        said.push(entry.dataset.announcement);
      } else if (known.dataset.state !== entry.dataset.state) {
        shown = document.importNode(entry, true);
        known.replaceWith(shown);
      }
      if (shown.previousElementSibling !== previous || shown.parentElement !== list) {
        if (previous) previous.after(shown);
        else list.prepend(shown);
      }
      if (shown !== known) showTimes(shown);
      previous = shown;
    }
    return said;
  }

  function takePart(freshPart) {
    const known = part();
    if (known.dataset.state === freshPart.dataset.state) return [];
    const hadFocus = known.contains(document.activeElement);
    const before = known.querySelector(".badge").textContent;
    const shown = document.importNode(freshPart, true);
    known.replaceWith(shown);
    showTimes(shown);
    if (hadFocus) {
      shown.tabIndex = -1;
      shown.focus();
    }
    const now = shown.querySelector(".badge").textContent;
    return now === before ? [] : [_("Status: %(status)s", { status: now })];
  }

  function sleepOrWake() {
    if (document.hidden) {
      later("sleep", HIDDEN_FOR, disconnect);
      return;
    }
    forget("sleep");
    if (source || isOver()) return;
    connect();
    update();
  }

  if (root && "EventSource" in window) {
    document.addEventListener("visibilitychange", sleepOrWake);
    window.addEventListener("online", () => { disconnect(); failures = 0; connect(); });
    window.addEventListener("offline", () => show("offline"));
    window.addEventListener("pagehide", disconnect);
    window.addEventListener("pageshow", (event) => { if (event.persisted) sleepOrWake(); });
    if (isOver()) show("over");
    connect();
  }
}
