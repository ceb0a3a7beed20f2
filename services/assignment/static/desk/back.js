// From a ticket back to the list one came from, and on to its neighbours there. The list is kept for this tab only.

import { all, at, make, one } from "./dom.js";

const KEY = "everdesk-list";
const pathOf = (link) => new URL(link.href).pathname;

function kept() {
  try { return JSON.parse(sessionStorage.getItem(KEY) ?? "null"); } catch { return null; }
}

const links = all(".queue .ticket-link");
if (one("[data-queue]") && links.length) {
  const list = { href: location.pathname + location.search, tickets: links.map(pathOf) };
  try { sessionStorage.setItem(KEY, JSON.stringify(list)); } catch { /* links lead to the queue as it opens */ }
}

const list = one("[data-queue]") ? null : kept();
if (list) {
  for (const link of all("main a[href]")) if (pathOf(link) === at("/queue") && !new URL(link.href).search) link.href = list.href;
  const place = list.tickets.indexOf(location.pathname);
  const crumbs = one(".ticket-head > p");
  if (place >= 0 && crumbs && list.tickets.length > 1) {
    const neighbour = (by, name, sign, label) => {
      const href = list.tickets[place + by];
      return href ? make("a", { href, textContent: sign, dataset: { command: name }, attributes: { "aria-label": label } }) : "";
    };
    crumbs.append(make("span", { className: "neighbours" },
      neighbour(-1, "previous", "←", _("Previous ticket")),
      make("span", { className: "num", textContent: _("%(place)s of %(count)s in the list", { place: place + 1, count: list.tickets.length }) }),
      neighbour(1, "next", "→", _("Next ticket"))));
  }
}
