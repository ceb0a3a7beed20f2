// The slider of a ticket's past where scripts run: letting go of it shows that change.
import { one } from "./dom.js";

const form = one("[data-past]");
const range = form && one("input[type=range]", form);
if (range) {
  const place = one("[data-past-place]", form);
  const show = one("[data-past-show]", form);
  if (show) show.hidden = true;
  range.addEventListener("input", () => { place.textContent = range.value; });
  range.addEventListener("change", () => form.requestSubmit());
}
