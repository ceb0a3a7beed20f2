// The search for the ticket to merge into, as one types: the page's own answer, of which only the results are shown.

import { later, one } from "./dom.js";

const form = one("[data-merge-search]");
if (form) {
  const field = form.elements.q;
  let asked = field.value.trim();
  const look = async () => {
    const words = field.value.trim();
    if (words === asked || words.length < 2) return;
    asked = words;
    const url = new URL(form.action);
    url.searchParams.set("q", words);
    try {
      const answer = await fetch(url, { headers: { accept: "text/html" } });
      if (!answer.ok || asked !== words) return;
      const found = one("[data-merge-found]", new DOMParser().parseFromString(await answer.text(), "text/html"));
      if (found && asked === words) one("[data-merge-found]").replaceChildren(...found.children);
    } catch { /* the button still finds them */ }
  };
  field.addEventListener("input", later(300, look));
}
