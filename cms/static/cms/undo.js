// Undo of the last step: a form that goes away when its time is over. The server refuses it later by itself.
"use strict";
(() => {
  for (const form of /** @type {NodeListOf<HTMLFormElement>} */ (document.querySelectorAll("form.undo[data-left-ms]"))) {
    setTimeout(() => form.remove(), Number(form.dataset.leftMs));
  }
})();
