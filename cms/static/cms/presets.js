// A preset of an API key ticks its scopes.
"use strict";
(() => {
  const presets = document.getElementById("id_preset");
  if (!(presets instanceof HTMLSelectElement)) return;
  const scopes = JSON.parse(presets.dataset.scopes);
  presets.addEventListener("change", () => {
    const chosen = scopes[presets.value];
    if (!chosen) return;
    for (const box of document.querySelectorAll('input[name="scopes"]')) box.checked = chosen.includes(box.value);
  });
})();
