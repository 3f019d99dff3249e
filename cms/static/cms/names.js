// Names for screen readers where Unfold and Django leave them out: searchable lists, and the two parts of an instant.
"use strict";
(() => {
  // A cross for mice among the items of a list, which may hold nothing else. Keys remove one item after the other.
  const CLEAR = ".select2-selection__clear";

  const words = (label) => label.textContent.trim().replace(/\*$/, "");

  function nameLists(inside) {
    for (const shown of inside.querySelectorAll('[id^="select2-"][id$="-container"]')) {
      const field = shown.id.slice("select2-".length, -"-container".length);
      const label = document.querySelector(`label[for="${CSS.escape(field)}"]`);
      if (label) shown.setAttribute("aria-label", words(label));
    }
  }

  // A list of several choices has its box for the search among them.
  function nameSearch(list) {
    const label = list.previousElementSibling?.labels?.[0];
    if (label) list.querySelector(".select2-search__field")?.setAttribute("aria-label", words(label));
  }

  function nameInstants() {
    for (const part of document.querySelectorAll("input.vDateField, input.vTimeField")) {
      const field = CSS.escape(part.name.replace(/_[01]$/, ""));
      const label = document.querySelector(`.field-${field} label, label[for^="id_${field}"]`);
      const hint = part.placeholder || part.title;
      part.setAttribute("aria-label", label ? `${words(label)}: ${hint}` : hint);
    }
  }

  // Lists come when their script has its turn, which may be after the page was loaded.
  new MutationObserver((changes) => {
    for (const change of changes) {
      for (const node of change.addedNodes) {
        if (!(node instanceof Element)) continue;
        if (node.matches(CLEAR)) node.setAttribute("aria-hidden", "true");
        if (!node.matches(".select2")) continue;
        nameLists(node);
        nameSearch(node);
        for (const clear of node.querySelectorAll(CLEAR)) clear.setAttribute("aria-hidden", "true");
      }
    }
  }).observe(document, { childList: true, subtree: true });
  addEventListener("DOMContentLoaded", nameInstants);
})();
