/** The dialog for an API key. */

import { byId } from "./dom.js";
import { onKeyNeeded } from "./transport.js";

/** Wire the dialog. */
export function startKeys() {
  const dialog = byId("key");
  const field = byId("key-value");
  onKeyNeeded(
    (wrong) =>
      new Promise((resolve) => {
        byId("key-reason").textContent = wrong
          ? "The server does not know that key."
          : "It is kept until this page is closed, and sent to this server only.";
        field.value = "";
        dialog.returnValue = "";
        dialog.addEventListener(
          "close",
          () => resolve(dialog.returnValue === "use" ? field.value.trim() : ""),
          { once: true },
        );
        dialog.showModal();
      }),
  );
}
