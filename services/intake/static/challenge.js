// Finds the number a form's challenge asks for, in a worker, so that the page stays alive while it works.
// The answer, hashed after the challenge, begins with as many zero bits as the challenge says.
(() => {
  "use strict";

  const K = new Uint32Array(64);
  const START = new Uint32Array(8);

  // SHA-256's constants are the first bits of the fractions of roots of the first primes.
  function prepare() {
    const fraction = (value) => Math.floor((value - Math.floor(value)) * 2 ** 32);
    for (let candidate = 2, found = 0; found < 64; candidate += 1) {
      let isPrime = true;
      for (let divisor = 2; divisor * divisor <= candidate && isPrime; divisor += 1) isPrime = candidate % divisor !== 0;
      if (!isPrime) continue;
      if (found < 8) START[found] = fraction(Math.sqrt(candidate));
      K[found] = fraction(Math.cbrt(candidate));
      found += 1;
    }
  }

  const w = new Uint32Array(64);
  const turn = (x, by) => (x >>> by) | (x << (32 - by));

  function block(state, bytes, at) {
    for (let i = 0; i < 16; i += 1, at += 4) {
      w[i] = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
    }
    for (let i = 16; i < 64; i += 1) {
      const a = w[i - 15], b = w[i - 2];
      w[i] = w[i - 16] + w[i - 7] + (turn(a, 7) ^ turn(a, 18) ^ (a >>> 3)) + (turn(b, 17) ^ turn(b, 19) ^ (b >>> 10));
    }
    let [a, b, c, d, e, f, g, h] = state;
    for (let i = 0; i < 64; i += 1) {
      const one = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
      const two = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g; g = f; f = e; e = (d + one) | 0; d = c; c = b; b = a; a = (one + two) | 0;
    }
    [a, b, c, d, e, f, g, h].forEach((word, i) => { state[i] += word; });
  }

  function sha256(text) {
    const length = text.length;
    const bytes = new Uint8Array((((length + 8) >> 6) + 1) << 6);
    for (let i = 0; i < length; i += 1) bytes[i] = text.charCodeAt(i);
    bytes[length] = 0x80;
    new DataView(bytes.buffer).setUint32(bytes.length - 4, length * 8);
    const state = START.slice();
    for (let at = 0; at < bytes.length; at += 64) block(state, bytes, at);
    return state;
  }

  function zeroBits(state) {
    let bits = 0;
    for (const word of state) {
      bits += Math.clz32(word);
      if (word !== 0) break;
    }
    return bits;
  }

  function solve(challenge) {
    const bits = Number.parseInt(challenge, 10);
    let answer = 0;
    while (zeroBits(sha256(`${challenge}:${answer}`)) < bits) answer += 1;
    return String(answer);
  }

  prepare();
  if (typeof document === "undefined") {
    self.onmessage = (event) => self.postMessage(solve(event.data));
    return;
  }

  for (const notice of document.querySelectorAll("[data-challenge]")) {
    const form = notice.closest("form");
    const field = form.elements.namedItem("challenge_answer");
    const words = notice.querySelector("[data-challenge-words]");
    let isSendWanted = false;
    words.textContent = "So that robots do not get in your way, your browser does a little work while you write.";
    const worker = new Worker("/static/challenge.js");
    worker.onmessage = (event) => {
      field.value = event.data;
      worker.terminate();
      words.textContent = "Your browser has done its work: you can send the form.";
      if (isSendWanted) form.requestSubmit();
    };
    worker.postMessage(notice.dataset.challenge);
    form.addEventListener("submit", (event) => {
      if (field.value) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      isSendWanted = true;
      words.textContent = "One moment: your browser is still working. The form is sent as soon as it is done.";
    }, { capture: true });
  }
})();
