// Routing rules: rows are dragged into order, and a condition's form shows only what its kind needs.
// Without this script the arrows move rules, and the form shows every field.
(() => {
  "use strict";

  const OPS = {
    words: ["any", "all", "none"],
    form_field: ["is", "is_not", "any", "all", "none", "at_least", "at_most", "is_set", "is_not_set"],
    other: ["is", "is_not"],
  };

  const fit = (row) => {
    const what = row.querySelector("select[name$='-field']").value;
    const how = row.querySelector("select[name$='-op']");
    const kind = ["subject", "body", "text"].includes(what) ? "words" : what === "form_field" ? what : "other";
    for (const option of how.options) {
      const fits = !what || OPS[kind].includes(option.value);
      option.hidden = option.disabled = !fits;
    }
    if (how.selectedOptions[0]?.disabled) how.value = OPS[kind][0];
    row.querySelector("[data-answer]").hidden = what !== "form_field";
  };

  for (const row of document.querySelectorAll("[data-condition]")) {
    fit(row);
    row.querySelector("select[name$='-field']").addEventListener("change", () => fit(row));
  }

  const table = document.querySelector("table[data-rules]");
  const order = document.getElementById("rule-order");
  if (!table || !order) return;
  const body = table.tBodies[0];
  let dragged = null;

  const ids = () => [...body.rows].map((row) => row.dataset.rule);
  const before = ids().join();

  for (const handle of table.querySelectorAll("[data-drag]")) {
    handle.hidden = false;
    const row = handle.closest("tr");
    handle.addEventListener("pointerdown", () => { row.draggable = true; });
    handle.addEventListener("pointerup", () => { row.draggable = false; });
    row.addEventListener("dragstart", (event) => {
      dragged = row;
      row.classList.add("is-dragged");
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setData("text/plain", row.dataset.rule);
    });
    row.addEventListener("dragend", () => {
      row.draggable = false;
      row.classList.remove("is-dragged");
      dragged = null;
      if (ids().join() === before) return;
      order.querySelectorAll("input[name='rule_ids']").forEach((input, place) => { input.value = ids()[place]; });
      document.querySelector("[data-order-status]").textContent = _("Saving the order.");
      order.requestSubmit();
    });
  }

  body.addEventListener("dragover", (event) => {
    const over = event.target.closest("tr[data-rule]");
    if (!dragged || !over) return;
    event.preventDefault();
    if (over === dragged) return;
    const box = over.getBoundingClientRect();
    body.insertBefore(dragged, event.clientY < box.top + box.height / 2 ? over : over.nextSibling);
  });
  body.addEventListener("drop", (event) => event.preventDefault());
})();
