// Before the first paint, so that a chosen theme does not flash; theme.js does the rest.
(function () {
  try {
    const chosen = localStorage.getItem("shipseg-theme");
    if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
  } catch {
    // Storage may be forbidden; the system's theme will do.
  }
})();
