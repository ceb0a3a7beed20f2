// What the administration's pages gain where scripts run: progress of long work is read again by itself.
"use strict";

const parser = new DOMParser();

function poll(element) {
  const wait = Number(element.dataset.poll);
  if (!wait) return;
  setTimeout(async () => {
    let following = element;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      const fresh = answer.ok && parser.parseFromString(await answer.text(), "text/html").getElementById(element.id);
      if (fresh) element.replaceWith(following = document.adoptNode(fresh));
    } catch { /* the service is away: the page stays as it is, and asks again */ }
    poll(following);
  }, wait);
}

for (const element of document.querySelectorAll("[data-poll]")) poll(element);
