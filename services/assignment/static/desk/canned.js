// Canned responses in the editor: "/" at the beginning of a line, the button or its keys open a list that is filtered as one types.

import { make, one } from "./dom.js";

async function ask(url) {
  const answer = await fetch(url, { headers: { accept: "application/json" } });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

function insert(field, text) {
  field.focus();
  field.setRangeText(text, field.selectionStart, field.selectionEnd, "end");
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

export function canned(form) {
  const link = one("[data-canned]", form);
  const field = one("[data-editor-body]", form);
  if (!link || !field) return;

  async function open() {
    if (one("dialog.palette")) return;
    let items = [];
    try { ({ items } = await ask(link.dataset.canned)); } catch { location.assign(link.href); return; }
    const id = "canned-list";
    const input = make("input", { type: "text", autocomplete: "off", placeholder: _("Which canned response?"), attributes: {
      role: "combobox", "aria-expanded": "true", "aria-controls": id, "aria-label": _("Canned response"), "aria-autocomplete": "list" } });
    const list = make("ul", { id, className: "palette-list", attributes: { role: "listbox", "aria-label": _("Canned responses") } });
    const none = make("p", { className: "muted small palette-empty", hidden: true });
    const dialog = make("dialog", { className: "dialog palette", attributes: { "aria-label": _("Canned responses") } }, input, list, none);
    let shown = [];
    let chosen = 0;
    const choose = (place) => {
      chosen = Math.max(0, Math.min(place, shown.length - 1));
      [...list.children].forEach((item, index) => item.setAttribute("aria-selected", String(index === chosen)));
      const item = list.children[chosen];
      if (item) { input.setAttribute("aria-activedescendant", item.id); item.scrollIntoView({ block: "nearest" }); } else input.removeAttribute("aria-activedescendant");
    };
    const fill = () => {
      const words = input.value.trim().toLowerCase();
      shown = items.filter(({ title }) => title.toLowerCase().includes(words));
      list.replaceChildren(...shown.map((item, index) => {
        const row = make("li", { id: `canned-${index}`, textContent: item.title, attributes: { role: "option" } });
        row.addEventListener("click", () => take(index));
        return row;
      }));
      none.textContent = items.length ? _("None fits.") : _("There are no canned responses yet. Administrators write them under Administration.");
      none.hidden = shown.length > 0;
      choose(0);
    };
    const take = async (index) => {
      const item = shown[index];
      if (!item) return;
      dialog.close();
      try { insert(field, (await ask(`${link.dataset.canned}/${item.id}`)).body); } catch { /* gone meanwhile */ }
    };
    input.addEventListener("input", fill);
    dialog.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step) { event.preventDefault(); choose(chosen + step); }
      if (event.key === "Enter") { event.preventDefault(); take(chosen); }
    });
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
    dialog.addEventListener("close", () => { dialog.remove(); field.focus(); });
    document.body.append(dialog);
    fill();
    dialog.showModal();
    input.focus();
  }

  link.addEventListener("click", (event) => { event.preventDefault(); open(); });
  field.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const before = field.value.slice(0, field.selectionStart);
    if (before && !before.endsWith("\n")) return;
    event.preventDefault();
    open();
  });
}
