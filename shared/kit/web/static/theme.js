// Loaded before the first paint, so that a chosen theme never flashes in the other one.
{
  let chosen = null;
  try {
    chosen = localStorage.getItem("everdesk-theme");
  } catch { /* storage is closed to us: follow the system */ }
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
}
