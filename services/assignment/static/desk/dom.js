// What the desk's modules share: looking things up, making elements, posting forms in the background.

/** An address of this service, which may be under a path of a host that it shares. */
export const at = (path) => (document.documentElement.dataset.base ?? "") + path;

export const all = (selector, root = document) => [...root.querySelectorAll(selector)];
export const one = (selector, root = document) => root.querySelector(selector);

export function make(tag, properties = {}, ...children) {
  const { dataset, attributes, ...rest } = properties;
  const element = Object.assign(document.createElement(tag), rest);
  Object.assign(element.dataset, dataset);
  for (const [name, value] of Object.entries(attributes ?? {})) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** The token that every form of the page carries. */
export const token = () => one('input[name="csrf_token"]')?.value ?? "";

/** Posts fields as a form of this page would; the answer's JSON, or null where there is none. Throws on refusals. */
export async function post(url, fields, { keepalive = false } = {}) {
  const body = new URLSearchParams({ csrf_token: token() });
  for (const [name, value] of fields instanceof URLSearchParams ? fields : Object.entries(fields)) {
    if (name !== "csrf_token") body.append(name, value);
  }
  const answer = await fetch(url, { method: "POST", body, keepalive, headers: { accept: "application/json" }, redirect: "error" });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.status === 204 ? null : answer.json();
}

export const isTyping = (element) => element instanceof Element
  && element.closest("input:not([type=checkbox], [type=radio], [type=button], [type=submit]), select, textarea, [contenteditable]") !== null;

/** Runs `work` once, `ms` after the last call. */
export function later(ms, work) {
  let timer = 0;
  const call = () => { clearTimeout(timer); timer = setTimeout(work, ms); };
  call.now = () => { clearTimeout(timer); work(); };
  call.stop = () => clearTimeout(timer);
  return call;
}
