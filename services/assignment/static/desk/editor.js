// An editor: it saves its draft on the server while one writes, previews, takes files by choosing, dropping and pasting,
// and lets "/" and "@" open lists. Without script its form has buttons for the draft, the preview and a file.

import { canned } from "./canned.js";
import { all, later, make, one, post, token } from "./dom.js";

const SAVE_MS = 900;

class Editor {
  constructor(form) {
    this.form = form;
    this.body = one("[data-editor-body]", form);
    this.state = one("[data-editor-state]", form);
    this.list = one("[data-files-list]", form);
    this.pane = one("[data-preview-pane]", form);
    this.uploads = 0;
    this.saved = this.content();
    this.save = later(SAVE_MS, () => this.saveNow());
    this.isDone = false;
    this.listen();
  }

  content() {
    const fields = new URLSearchParams();
    for (const name of ["kind", "body_format"]) fields.set(name, one(`[name="${name}"]`, this.form)?.value ?? "");
    fields.set("body", this.body.value);
    for (const input of all('[name="attachments"]', this.form)) fields.append("attachments", input.value);
    return fields.toString();
  }

  say(text) { this.state.textContent = text; }

  async saveNow({ keepalive = false } = {}) {
    const content = this.content();
    if (this.isDone || content === this.saved) return;
    try {
      await post(this.form.dataset.draft, new URLSearchParams(content), { keepalive });
      this.saved = content;
      this.say(_("Draft saved"));
    } catch {
      this.say(_("Draft not saved; it is tried again"));
      if (!keepalive) setTimeout(() => this.saveNow(), 5000);
    }
  }

  listen() {
    const { form, body } = this;
    body.addEventListener("input", () => { this.say(""); this.save(); });
    body.addEventListener("blur", () => this.save.now());
    addEventListener("pagehide", () => this.saveNow({ keepalive: true }));
    form.addEventListener("submit", (event) => {
      if (event.submitter?.dataset.preview !== undefined || event.submitter?.dataset.save !== undefined) return;
      if (this.uploads) { event.preventDefault(); event.stopImmediatePropagation(); this.say(_("Waiting for the files…")); this.sendWith = event.submitter; return; }
      this.save.stop();
      this.isDone = true;
    }, true);
    addEventListener("pageshow", () => { this.isDone = false; });
    one("[data-preview]", form)?.addEventListener("click", (event) => { event.preventDefault(); this.preview(); });
    one("[data-save]", form)?.setAttribute("hidden", "");
    const attach = one("[data-attach]", form);
    if (attach) {
      attach.hidden = false;
      const chooser = make("input", { type: "file", multiple: true, hidden: true, attributes: { "aria-label": _("Files to attach") } });
      attach.after(chooser);
      attach.addEventListener("click", () => chooser.click());
      chooser.addEventListener("change", () => { this.take(chooser.files); chooser.value = ""; });
    }
    body.addEventListener("paste", (event) => {
      const files = [...event.clipboardData?.files ?? []];
      if (files.length) { event.preventDefault(); this.take(files.map(named)); }
    });
    const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
    form.addEventListener("dragover", (event) => { if (hasFiles(event)) { event.preventDefault(); form.classList.add("is-over"); } });
    form.addEventListener("dragleave", () => form.classList.remove("is-over"));
    form.addEventListener("drop", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      form.classList.remove("is-over");
      this.take(event.dataTransfer.files);
    });
    for (const item of this.list.children) this.removable(item);
  }

  async preview() {
    const button = one("[data-preview]", this.form);
    if (!this.pane.hidden) {
      this.pane.hidden = true;
      button.textContent = _("Preview");
      return;
    }
    try {
      const { html } = await post(button.formAction, new URLSearchParams(this.content()));
      this.pane.innerHTML = html;
      this.pane.hidden = false;
      button.textContent = _("Hide preview");
    } catch {
      this.say(_("The preview could not be made"));
    }
  }

  take(files) { for (const file of files) this.upload(file); }

  upload(file) {
    const bar = make("progress", { max: 100, value: 0, attributes: { "aria-label": _("%(name)s, sent", { name: file.name }) } });
    const remove = make("button", { type: "button", className: "link", textContent: _("Remove"), attributes: { "aria-label": _("Remove %(name)s", { name: file.name }) } });
    const item = make("li", {}, make("span", { textContent: file.name }), bar, remove);
    this.list.append(item);
    const sending = new XMLHttpRequest();
    const form = new FormData();
    form.append("file", file, file.name);
    this.uploads += 1;
    const end = (text) => {
      this.uploads -= 1;
      bar.remove();
      if (text) remove.before(make("span", { className: "error", textContent: text }));
      if (!this.uploads && this.sendWith) { const submitter = this.sendWith; this.sendWith = null; if (!text) this.form.requestSubmit(submitter); }
    };
    sending.upload.addEventListener("progress", (event) => { if (event.lengthComputable) bar.value = 100 * event.loaded / event.total; });
    sending.addEventListener("load", () => {
      let answer = {};
      try { answer = JSON.parse(sending.responseText); } catch { /* not ours */ }
      if (sending.status !== 201) { end(answer.detail ?? _("the file was not taken")); return; }
      item.prepend(make("input", { type: "hidden", name: "attachments", value: answer.id }));
      end("");
      this.save.now();
    });
    sending.addEventListener("error", () => end(_("could not be sent; try again")));
    sending.addEventListener("abort", () => end(""));
    remove.addEventListener("click", () => { sending.abort(); item.remove(); this.save.now(); });
    sending.open("POST", this.form.dataset.filesTo);
    sending.setRequestHeader("Accept", "application/json");
    sending.setRequestHeader("X-Form-Token", token());
    sending.send(form);
  }

  removable(item) {
    const button = make("button", { type: "button", className: "link", textContent: _("Remove") });
    button.addEventListener("click", () => { item.remove(); this.save.now(); });
    item.append(" ", button);
  }
}

/** A pasted screenshot has no name of its own. */
function named(file) {
  if (file.name && file.name !== "image.png") return file;
  const stamp = new Date().toISOString().slice(0, 19).replace(/[:T]/g, "-");
  return new File([file], `screenshot-${stamp}.${file.type.split("/")[1] ?? "png"}`, { type: file.type });
}

export function editors() {
  for (const form of all("[data-editor]")) {
    form.editor = new Editor(form);
    canned(form);
  }
  for (const form of all("[data-upload]")) form.hidden = true;
}
