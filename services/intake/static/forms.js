// What forms gain where scripts run: questions that an earlier answer makes needless go away, and what is wrong is said
// when a field is left. Every form works without this file; the server decides.
"use strict";

{
  const controls = (part) => [...part.querySelectorAll("input, select, textarea")];

  function answersTo(form, name) {
    const inputs = controls(form).filter((input) => input.name === name && !input.disabled);
    return inputs.flatMap((input) => {
      if ("yesOrNo" in input.dataset) return [String(input.checked)];
      if (input.type === "radio" || input.type === "checkbox") return input.checked ? [input.value] : [];
      if (input.value.trim() === "") return [];
      return [input.type === "number" ? String(Number(input.value)) : input.value.trim()];
    });
  }

  // In the order of the page, so that what hangs on a hidden question is hidden too.
  function showWhatIsAsked(form) {
    const appeared = [];
    for (const part of form.querySelectorAll("[data-shown-if]")) {
      const wanted = JSON.parse(part.dataset.wanted);
      const isAsked = answersTo(form, part.dataset.shownIf).some((answer) => wanted.includes(answer));
      if (isAsked && part.hidden) appeared.push(part.querySelector("label, legend").firstChild.textContent.trim());
      part.hidden = !isAsked;
      for (const control of controls(part)) control.disabled = !isAsked;
    }
    return appeared;
  }

  function tell(form, words) {
    form.querySelector("[data-told]").textContent = words;
  }

  function wrongWith(input) {
    const { validity, dataset } = input;
    if (validity.valid) return "";
    return (validity.valueMissing ? dataset.missing : dataset.wrong) ?? input.validationMessage;
  }

  function describe(input, id, isThere) {
    const ids = new Set((input.getAttribute("aria-describedby") ?? "").split(" ").filter(Boolean));
    if (isThere) ids.add(id);
    else ids.delete(id);
    if (ids.size) input.setAttribute("aria-describedby", [...ids].join(" "));
    else input.removeAttribute("aria-describedby");
  }

  function showError(input, words) {
    const field = input.closest(".field");
    const id = `${input.id}-error`;
    let error = document.getElementById(id);
    if (words && !error) {
      error = Object.assign(document.createElement("p"), { className: "error", id });
      input.before(error);
    }
    if (words) error.textContent = words;
    else error?.remove();
    field.classList.toggle("has-error", Boolean(words));
    if (words) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
    describe(input, id, Boolean(words));
  }

  // What is said moves the page: not from under a pointer that is about to press a button.
  let isPressing = false;
  const waiting = [];

  function whenReleased(action) {
    if (isPressing) waiting.push(action);
    else action();
  }

  function release() {
    isPressing = false;
    setTimeout(() => { for (const action of waiting.splice(0)) action(); });
  }

  document.addEventListener("pointerdown", () => { isPressing = true; }, true);
  for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, release, true);

  const isChecked = (input) => input.matches(".field > :is(input, select, textarea)") && input.type !== "file";
  const hasError = (input) => input.getAttribute("aria-invalid") === "true";

  // An empty field may just be passed by: it is complained of when the form is sent.
  function checkLeft(form, input) {
    if (input.value.trim() === "" && !input.validity.badInput && !hasError(input)) return;
    const words = wrongWith(input);
    if (words && words !== document.getElementById(`${input.id}-error`)?.textContent.trim()) {
      showError(input, words);
      tell(form, words);
    } else if (!words && hasError(input)) showError(input, "");
  }

  function hideWhatIsNotAsked(form) {
    for (const hint of form.querySelectorAll(".only-if")) hint.hidden = true;
    showWhatIsAsked(form);
  }

  // Another topic asks other questions: they come in place, and what is written stays. Where files are asked for, or the
  // questions cannot be had, the button is there instead.
  function followTopic(form) {
    const { topic, asked } = form.elements;
    const own = form.querySelector("[data-questions]");
    const button = form.querySelector('[name="do"][value="change_topic"]');
    if (!own || !button || !asked) return;
    const hasFiles = (part) => part.querySelector("[data-files]") !== null;
    button.hidden = !hasFiles(own);
    topic.addEventListener("change", async () => {
      const wanted = topic.value;
      let fresh = null;
      try {
        const answer = await fetch(`${document.documentElement.dataset.base ?? ""}/tickets/new?topic=${encodeURIComponent(wanted)}`);
        if (answer.ok) fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-questions]");
      } catch { /* the button is left */ }
      if (topic.value !== wanted) return;
      button.hidden = Boolean(fresh) && !hasFiles(fresh) && !hasFiles(own);
      if (!button.hidden) return;
      const given = new Map(controls(own).map((control) => [control.id, control]));
      own.replaceChildren(...fresh.childNodes);
      for (const control of controls(own)) {
        const before = given.get(control.id);
        if (!before || before.type !== control.type) continue;
        if (control.type === "checkbox" || control.type === "radio") control.checked = before.checked && before.value === control.value;
        else control.value = before.value;
      }
      asked.value = wanted;
      hideWhatIsNotAsked(form);
      const labels = [...own.querySelectorAll("label, legend")].filter((label) => label.checkVisibility() && !label.closest(".choice"));
      if (labels.length) tell(form, _("Also asked now: %(questions)s", { questions: labels.map((label) => label.firstChild.textContent.trim()).join(", ") }));
    });
  }

  for (const form of document.querySelectorAll("form[data-checked]")) {
    hideWhatIsNotAsked(form);
    followTopic(form);
    form.addEventListener("input", (event) => {
      const appeared = showWhatIsAsked(form);
      if (appeared.length) tell(form, _("Also asked now: %(questions)s", { questions: appeared.join(", ") }));
      const input = event.target;
      if (isChecked(input) && hasError(input) && input.validity.valid) showError(input, "");
    });
    form.addEventListener("focusout", ({ target: input }) => {
      if (isChecked(input)) whenReleased(() => checkLeft(form, input));
    });
  }
}
