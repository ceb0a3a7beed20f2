// Presses the button of a rating that a mail's link has chosen, once a person uses the page. Programs that check mails
// open links too, and do nothing on the page. The form works without this file.
"use strict";

{
  const form = document.querySelector("[data-rate-at-once]");
  const SIGNS = ["pointermove", "pointerdown", "touchstart", "keydown", "wheel"];

  function send(event) {
    if (!event.isTrusted || document.visibilityState !== "visible") return;
    for (const sign of SIGNS) removeEventListener(sign, send);
    if (event.target instanceof Node && form.contains(event.target)) return;
    form.requestSubmit();
  }

  if (form) for (const sign of SIGNS) addEventListener(sign, send, { passive: true });
}
