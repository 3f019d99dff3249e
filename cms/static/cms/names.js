// Names for screen readers where Unfold and Django leave them out: searchable lists, and the two parts of an instant.
"use strict";
addEventListener("load", () => {
  const words = (label) => label.textContent.trim().replace(/\*$/, "");
  for (const shown of document.querySelectorAll('[id^="select2-"][id$="-container"]')) {
    const field = shown.id.slice("select2-".length, -"-container".length);
    const label = document.querySelector(`label[for="${CSS.escape(field)}"]`);
    if (label) shown.setAttribute("aria-label", words(label));
  }
  for (const part of document.querySelectorAll("input.vDateField, input.vTimeField")) {
    const label = part.closest("[class*='field-']")?.querySelector("label");
    const hint = part.placeholder || part.title;
    if (label && !part.getAttribute("aria-label")) part.setAttribute("aria-label", `${words(label)}: ${hint}`);
  }
});
