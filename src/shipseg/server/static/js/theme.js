/** Light and dark: the system's choice, until the person makes one. */

import { byId } from "./dom.js";

const DARK = matchMedia("(prefers-color-scheme: dark)");
const STORED = "shipseg-theme";

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : DARK.matches;
}

/** Wire the button. */
export function startTheme() {
  const button = byId("theme");
  const show = () => button.setAttribute("aria-pressed", String(isDark()));
  button.addEventListener("click", () => {
    const theme = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    try {
      localStorage.setItem(STORED, theme);
    } catch {
      // It lasts for this visit only.
    }
    show();
  });
  DARK.addEventListener("change", show);
  show();
}
