// Passkeys: a form with data-passkey="create" or "get" has the browser make or use one, then posts its answer.
// Without this script, or in a browser without passkeys, the form stays hidden and the other ways remain.
(() => {
  "use strict";

  const bytes = (text) => {
    const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
  };
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  const decoded = (options) => {
    const named = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));
    const read = { ...options, challenge: bytes(options.challenge) };
    if (options.user) {
      read.user = { ...options.user, id: bytes(options.user.id) };
    }
    if (options.excludeCredentials) {
      read.excludeCredentials = named(options.excludeCredentials);
    }
    if (options.allowCredentials) {
      read.allowCredentials = named(options.allowCredentials);
    }
    return read;
  };

  const encoded = (credential) => {
    const response = {};
    for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (credential.response[name]) {
        response[name] = text(credential.response[name]);
      }
    }
    return JSON.stringify({ id: credential.id, rawId: text(credential.rawId), type: credential.type, response });
  };

  const ask = async (form) => {
    const publicKey = decoded(JSON.parse(form.dataset.options));
    const credential = await navigator.credentials[form.dataset.passkey]({ publicKey });
    form.elements.credential.value = encoded(credential);
  };

  const show = (form, words) => {
    const error = form.querySelector("[data-passkey-error]");
    error.textContent = words;
    error.hidden = !words;
  };

  if (!window.PublicKeyCredential) {
    return;
  }
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.hidden = false;
    form.addEventListener(
      "submit",
      async (event) => {
        if (form.elements.credential.value) {
          return;
        }
        event.preventDefault();
        event.stopImmediatePropagation();
        show(form, "");
        try {
          await ask(form);
          form.requestSubmit();
        } catch (problem) {
          show(form, problem.name === "InvalidStateError"
            ? _("This device has a passkey for you already.")
            : _("The passkey was not used. Try again, or go on another way."));
        }
      },
      { capture: true },
    );
  }
})();
