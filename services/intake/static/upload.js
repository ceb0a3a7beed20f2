// Files of a form are sent while it is still being filled in: dropped or chosen, with progress, cancelled or tried again.
// Without this file the form sends them itself.
"use strict";

{
  const AT_ONCE = 2;
  const number = new Intl.NumberFormat(locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const unit = (bytes) => (bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${number.format(bytes / 1e6)} MB`);
  const uploads = new Map(); // of each form: those that are not done

  function say(field, words) {
    field.querySelector("[data-files-say]").textContent = words;
  }

  function button(label, name, action) {
    const made = make("button", { type: "button", className: "link", textContent: label });
    made.setAttribute("aria-label", `${label} ${name}`);
    made.addEventListener("click", action);
    return made;
  }

  class Upload {
    constructor(field, file) {
      this.field = field;
      this.form = field.closest("form");
      this.input = field.querySelector('input[type="file"]');
      this.file = file;
      this.bar = make("progress", { max: 100, value: 0 });
      this.bar.setAttribute("aria-label", _("Sending %(name)s", { name: file.name }));
      this.state = make("span", { className: "muted small" });
      this.buttons = make("span", { className: "upload-buttons" });
      this.row = make("li", { className: "upload" },
        make("span", { className: "upload-name", textContent: file.name }), this.state, this.bar, this.buttons);
      field.querySelector(".uploads").append(this.row);
      uploads.get(this.form).add(this);
      this.wait();
    }

    get isUnderWay() {
      return this.status === "waiting" || this.status === "sending";
    }

    become(status, words, ...buttons) {
      const hadFocus = this.buttons.contains(document.activeElement);
      this.status = status;
      this.state.textContent = words;
      this.bar.hidden = status !== "sending";
      this.row.classList.toggle("is-refused", status === "failed");
      this.buttons.replaceChildren(...buttons);
      if (hadFocus) this.buttons.querySelector("button")?.focus();
    }

    wait() {
      this.become("waiting", unit(this.file.size), button(_("Cancel"), this.file.name, () => this.remove()));
      const max = Number(this.field.dataset.maxBytes);
      if (max && this.file.size > max) this.fail(_("is larger than %(size)s", { size: this.field.dataset.maxSize }), false);
      else sendNext(this.form);
    }

    send() {
      this.become("sending", unit(this.file.size), button(_("Cancel"), this.file.name, () => this.remove()));
      const body = new FormData();
      for (const name of ["csrf_token", "form_id"]) body.append(name, this.form.elements[name].value);
      body.append("attachment", this.file);
      this.request = new XMLHttpRequest();
      this.request.open("POST", `${document.documentElement.dataset.base ?? ""}/tickets/uploads`);
      this.request.upload.addEventListener("progress", ({ loaded, total }) => { this.bar.value = total ? (100 * loaded) / total : 0; });
      this.request.addEventListener("load", () => this.answered());
      this.request.addEventListener("error", () => this.fail(_("could not be sent: the connection broke")));
      this.request.send(body);
    }

    answered() {
      if (this.request.status !== 201) return this.refused();
      const kept = JSON.parse(this.request.responseText);
      this.row.append(make("input", { type: "hidden", name: this.input.name, value: kept.id }));
      this.become("done", _("%(size)s, ready", { size: unit(kept.size) }), button(_("Remove"), this.file.name, () => this.remove()));
      say(this.field, _("%(name)s is ready", { name: this.file.name }));
      this.settle();
    }

    refused() {
      const page = new DOMParser().parseFromString(this.request.responseText, "text/html");
      const words = page.querySelector("main p")?.textContent.trim();
      const mayRetry = this.request.status === 429 || this.request.status >= 500;
      if (words) this.fail(words, mayRetry, words);
      else this.fail(_("could not be sent"), mayRetry);
    }

    fail(words, canRetry = true, said = `${this.file.name} ${words}`) {
      const buttons = [button(_("Remove"), this.file.name, () => this.remove())];
      if (canRetry) buttons.unshift(button(_("Try again"), this.file.name, () => this.wait()));
      this.become("failed", words, ...buttons);
      say(this.field, said);
      this.settle();
    }

    remove() {
      this.status = "removed";
      this.request?.abort();
      uploads.get(this.form).delete(this);
      this.row.remove();
      this.input.focus();
      say(this.field, _("%(name)s was taken out", { name: this.file.name }));
      this.settle();
    }

    settle() {
      sendNext(this.form);
      sendForm(this.form);
    }
  }

  function sendNext(form) {
    const all = [...uploads.get(form)];
    const sending = all.filter(({ status }) => status === "sending").length;
    for (const upload of all.filter(({ status }) => status === "waiting").slice(0, AT_ONCE - sending)) upload.send();
  }

  // A form that was sent too early goes as soon as its files are there; with one that failed, it stays.
  function sendForm(form) {
    const all = [...uploads.get(form)];
    if (!form.waiting || all.some(({ isUnderWay }) => isUnderWay)) return;
    const submitter = form.waiting;
    form.waiting = null;
    const failed = all.find(({ status }) => status === "failed");
    if (failed) failed.buttons.querySelector("button").focus();
    else form.requestSubmit(submitter);
  }

  document.addEventListener("submit", (event) => {
    const under = [...(uploads.get(event.target) ?? [])].find(({ isUnderWay }) => isUnderWay);
    if (!under || event.submitter?.name === "do") return;
    event.preventDefault();
    event.stopImmediatePropagation();
    event.target.waiting = event.submitter;
    say(under.field, _("The form is sent as soon as the files are there"));
  }, true);

  function take(field, input, files) {
    const chosen = [...files].slice(0, input.multiple ? undefined : 1);
    if (!input.multiple && chosen.length) {
      for (const upload of [...uploads.get(field.closest("form"))].filter((one) => one.field === field)) upload.remove();
    }
    for (const file of chosen) new Upload(field, file);
    input.value = "";
  }

  for (const field of document.querySelectorAll("[data-files]")) {
    const input = field.querySelector('input[type="file"]');
    const form = field.closest("form");
    if (!uploads.has(form)) uploads.set(form, new Set());
    const list = make("ul", { className: "uploads" });
    const voice = make("p", { className: "sr-only" });
    voice.setAttribute("role", "status");
    voice.dataset.filesSay = "";
    input.after(make("span", { className: "muted small drop-hint", textContent: input.multiple ? _("or drop them here") : _("or drop it here") }), list, voice);
    field.classList.add("is-drop");
    input.addEventListener("change", () => take(field, input, input.files));
    let depth = 0;
    const over = (change) => {
      depth = Math.max(0, depth + change);
      field.classList.toggle("is-over", depth > 0);
    };
    const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
    field.addEventListener("dragenter", (event) => { if (hasFiles(event)) over(1); });
    field.addEventListener("dragleave", (event) => { if (hasFiles(event)) over(-1); });
    field.addEventListener("dragover", (event) => { if (hasFiles(event)) event.preventDefault(); });
    field.addEventListener("drop", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      over(-depth);
      take(field, input, event.dataTransfer.files);
    });
  }
}
